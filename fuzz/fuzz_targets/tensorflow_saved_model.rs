//! SavedModels, the signatures made of what was read, and the search for what writes files.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_tensorflow::fuzz::saved_model(bytes));
