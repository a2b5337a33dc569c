//! Tree models: catboost binary.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_trees::fuzz::catboost_binary(bytes));
