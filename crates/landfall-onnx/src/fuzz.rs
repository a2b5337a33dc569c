//! Bodies for fuzzers: any bytes must come to an end, without a panic and without memory beyond their own size.

use crate::{declared, interface};

/// The reader of ONNX files, and the signature made of what it read.
pub fn declared(bytes: &[u8]) {
    let _ = declared::looks_like_onnx(bytes, bytes.len() as u64);
    if let Ok(declared) = declared::read("fuzz", bytes) {
        let _ = interface::Interface::of("fuzz", &declared);
    }
}
