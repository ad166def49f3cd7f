//! Any text, folded in every way to read it: it comes to no more than eight times its length, and holds itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::product::confusable::{Readings, Tokens};

fuzz_target!(|text: &str| {
    for folded in Readings::of(text).iter() {
        assert!(folded.squeezed().len() <= 8 * text.len());
        assert!(folded.is_empty() || folded.holds(folded));
    }
    Tokens::of([text]).stand_in(text);
});
