//! gRPC over HTTP/2: frames, statuses, timeouts.

pub(crate) mod frame;
pub(crate) mod status;
pub(crate) mod timeout;
