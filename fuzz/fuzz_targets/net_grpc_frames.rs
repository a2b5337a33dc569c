//! The network floor: grpc frames.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_net::fuzz::grpc_frames(bytes));
