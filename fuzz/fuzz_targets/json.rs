//! JSON documents through the scanner alone.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_dialects::tfs::fuzz::json(bytes));
