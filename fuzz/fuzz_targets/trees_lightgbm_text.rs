//! Tree models: lightgbm text.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_trees::fuzz::lightgbm_text(bytes));
