//! Tables that lie beside a PMML document.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_pmml::fuzz::located(bytes));
