//! JSON Lines tables.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_tables::fuzz::json_lines(bytes));
