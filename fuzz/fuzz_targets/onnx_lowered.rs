//! ONNX graphs of trees, compiled onto the forest and asked about two rows.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_onnx::fuzz::lowered(bytes));
