//! The protocol over HTTP: JSON bodies, and Triton's binary tensor data extension.

mod address;
mod decode;
mod describe;
mod encode;
mod input;
mod parameters;
mod raw;
mod repository;
mod values;

pub use address::address;
pub use decode::decode;
pub use describe::{live, model_config, model_metadata, model_ready, ready, server_metadata, statistics};
pub use encode::{Encoded, encode};
pub use repository::{index, index_request, load_request, loaded, unload_request, unloaded};
