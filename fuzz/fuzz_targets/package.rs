//! Any ZIP archive that a product comes in: opened, and its text and entries read, without panic and within bounds.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use portcullis::product::{Package as _, Zip};

fuzz_target!(|data: &[u8]| {
    if let Ok(mut zip) = Zip::open(Box::new(Cursor::new(data.to_vec()))) {
        if let Ok(text) = zip.text(1 << 20) {
            assert!(text.len() <= 1 << 20);
        }
    }
});
