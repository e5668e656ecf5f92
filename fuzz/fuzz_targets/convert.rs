#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imgpush_fuzz::convert(data));
