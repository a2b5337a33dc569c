//! Parquet files, through a file of this process.

#![no_main]

use landfall_tables::Format;

// A panic of the library that the reader catches is an answer like any other: only one that nobody catches ends the run.
libfuzzer_sys::fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("landfall-fuzz-parquet-{}", std::process::id()));
    landfall_tables::fuzz::file(Format::Parquet, &path, bytes);
});
