//! Arrow IPC, stream form.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_tables::fuzz::arrow_stream(bytes));
