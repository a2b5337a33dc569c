//! The network floor: authorities of clients behind a Unix socket.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_net::fuzz::authority(bytes));
