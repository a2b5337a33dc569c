//! NPZ archives, through a file of this process.

#![no_main]

use landfall_tables::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("landfall-fuzz-npz-{}", std::process::id()));
    landfall_tables::fuzz::file(Format::Npz, &path, bytes);
});
