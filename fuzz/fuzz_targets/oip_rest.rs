//! Bodies of the Open Inference Protocol over HTTP.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| landfall_dialects::oip::fuzz::rest_infer(bytes));
