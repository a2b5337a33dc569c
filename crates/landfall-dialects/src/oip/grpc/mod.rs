//! The protocol over gRPC: service `inference.GRPCInferenceService`. Bodies are bare messages, without gRPC's frame.
//!
//! Names and numbers: Triton's published `grpc_service.proto` and `model_config.proto`; those served here stand in
//! `proto/` beside this crate's sources.

mod address;
mod contents;
mod decode;
mod describe;
mod encode;
mod parameter;

pub use address::{ModelRequest, infer_address, model_request};
pub use decode::{decode_infer, infer_id};
pub use describe::{
    IndexRequest, LoadRequest, empty, index, index_request, load_request, model_config, model_metadata,
    model_ready, server_live, server_metadata, server_ready, statistics, unload_request,
};
pub use encode::{encode_infer, encode_stream, encode_stream_error};

/// The service's full name; paths are `/SERVICE/METHOD`.
pub const SERVICE: &str = "inference.GRPCInferenceService";

/// Methods of the service that are in its definition but not served: shared memory, trace and log settings.
pub const UNIMPLEMENTED: [&str; 8] = [
    "SystemSharedMemoryStatus",
    "SystemSharedMemoryRegister",
    "SystemSharedMemoryUnregister",
    "CudaSharedMemoryStatus",
    "CudaSharedMemoryRegister",
    "CudaSharedMemoryUnregister",
    "TraceSetting",
    "LogSettings",
];
