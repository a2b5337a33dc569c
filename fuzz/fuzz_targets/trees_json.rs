//! Tree models: json.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_trees::fuzz::json(bytes));
