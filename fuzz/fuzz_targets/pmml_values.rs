//! Foreign values through a PMML document's functions of numbers, texts, patterns and dates.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_pmml::fuzz::values(bytes));
