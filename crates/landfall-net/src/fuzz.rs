//! Bodies of fuzz targets.

use crate::connections::authority;
use crate::{compression, doors, grpc, route, tls};

/// The reader of gRPC frames.
pub fn grpc_frames(bytes: &[u8]) {
    grpc::frame::fuzz(bytes);
}

/// Unpacking of bodies.
pub fn compression(bytes: &[u8]) {
    compression::fuzz(bytes);
}

/// What callers take, as they say in heads.
pub fn accept(bytes: &[u8]) {
    doors::accept_header::fuzz(bytes);
}

/// Authorities of clients behind a Unix socket.
pub fn authority(bytes: &[u8]) {
    authority::fuzz(bytes);
}

/// Certificates and keys.
pub fn pem(bytes: &[u8]) {
    tls::fuzz(bytes);
}

/// The router.
pub fn route(bytes: &[u8]) {
    route::fuzz(bytes);
}
