//! The network floor: what callers take.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_net::fuzz::accept(bytes));
