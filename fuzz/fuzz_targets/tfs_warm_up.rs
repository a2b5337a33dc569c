//! Warm-up records that TensorFlow models bring along.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_dialects::tfs::fuzz::warm_up(bytes));
