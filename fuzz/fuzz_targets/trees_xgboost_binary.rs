//! Tree models: xgboost binary.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_trees::fuzz::xgboost_binary(bytes));
