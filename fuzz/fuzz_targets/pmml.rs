//! PMML documents, and rows through those that load.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_pmml::fuzz::document(bytes));
