//! Arrow IPC, stream form.

#![no_main]

// A panic of the library that the reader catches is an answer like any other: only one that nobody catches ends the run.
libfuzzer_sys::fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    landfall_tables::fuzz::arrow_stream(bytes);
});
