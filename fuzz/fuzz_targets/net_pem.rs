//! The network floor: certificates and keys.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_net::fuzz::pem(bytes));
