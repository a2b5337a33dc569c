//! The network floor: route.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_net::fuzz::route(bytes));
