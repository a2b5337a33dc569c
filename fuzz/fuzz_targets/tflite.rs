//! TensorFlow Lite files, and the signatures made of what was read.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_tensorflow::fuzz::tflite(bytes));
