//! Any text, folded: it comes to no more than eight times its length, and holds itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::product::disguise::Tokens;
use portcullis::product::fold::Folded;

fuzz_target!(|text: &str| {
    for folded in Folded::readings(text) {
        assert!(folded.squeezed().len() <= 8 * text.len());
        assert!(folded.is_empty() || folded.holds(&folded));
    }
    Tokens::of([text]).stand_in(text);
});
