//! The journal of control calls.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_serving::fuzz::journal(bytes));
