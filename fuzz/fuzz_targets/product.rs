//! Any product, in whatever format it shows itself to be in: read without panic, and read again as the same from its text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::marking::Register;
use portcullis::product::{Bounds, Product};

fuzz_target!(|data: &[u8]| {
    let read = |bytes: &[u8]| Product::read(bytes, &Bounds::default(), Register::compiled_in());
    if let Ok(product) = read(data) {
        let text = product.as_text();
        assert_eq!(read(text.as_bytes()).expect("what was printed reads").as_text(), text);
    }
});
