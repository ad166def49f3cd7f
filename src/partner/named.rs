//! What the lists of an agreement may name.

use crate::marking::Register;

/// Whether a product may say that it is of this kind, by the form that `product` reads.
pub(super) fn is_kind(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(inner)
}

/// Whether an attachment may be of this type: types are compared as they are written, and stand for nothing else.
pub(super) fn is_media_type(text: &str) -> bool {
    let part = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-+.".contains(&b);
        !part.is_empty() && part.len() <= 64 && part.bytes().all(inner)
    };
    text.split_once('/').is_some_and(|(kind, rest)| part(kind) && part(rest))
}

/// Whether a code can be in the marking register: what is not in the one in force carries nothing.
pub(super) fn is_known(code: &str) -> bool {
    let register = Register::compiled_in();
    register.is_country(code) || register.is_organisation(code)
}
