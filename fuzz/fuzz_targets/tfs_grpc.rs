//! Messages of TensorFlow Serving's gRPC.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_dialects::tfs::fuzz::grpc_messages(bytes));
