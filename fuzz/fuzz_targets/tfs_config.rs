//! Configuration files of TensorFlow Serving's server.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_dialects::tfs::fuzz::config(bytes));
