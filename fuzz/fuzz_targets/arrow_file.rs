//! Arrow IPC, file form, through a file of this process.

#![no_main]

use landfall_tables::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("landfall-fuzz-arrow_file-{}", std::process::id()));
    landfall_tables::fuzz::file(Format::ArrowFile, &path, bytes);
});
