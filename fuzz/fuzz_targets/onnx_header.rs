//! The reader of what an ONNX file declares.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_onnx::fuzz::declared(bytes));
