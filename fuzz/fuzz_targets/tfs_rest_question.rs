//! Classify and regress bodies of TensorFlow Serving's REST.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_dialects::tfs::fuzz::rest_question(bytes));
