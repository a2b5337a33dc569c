//! The network floor: compression.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_net::fuzz::compression(bytes));
