//! Messages of the Open Inference Protocol over gRPC.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_dialects::oip::fuzz::grpc_infer(bytes));
