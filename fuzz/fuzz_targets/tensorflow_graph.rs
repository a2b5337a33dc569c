//! TensorFlow's graphs, in binary and in text, and the guess of inputs and outputs.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_tensorflow::fuzz::graph(bytes));
