//! Classes of bytes, found in one pass over a text. For most blocks of text they show that no further search is needed.

/// A control character other than a line end.
pub(in crate::inspect) const CONTROL: u8 = 1;
/// A byte outside ASCII.
pub(in crate::inspect) const FOREIGN: u8 = 2;
/// `<`, with which markup begins.
pub(in crate::inspect) const ANGLE: u8 = 4;
/// Two hyphens, with which the header of an armoured file begins.
pub(in crate::inspect) const DASH: u8 = 8;
/// A colon after `t`, `n` or `g`, as at the end of `javascript:`.
pub(in crate::inspect) const COLON: u8 = 16;

/// Returns the classes of bytes that occur in a text, as a bit set. It runs over every byte of files of up to a
/// gigabyte, so it must be fast.
pub(in crate::inspect) fn classes(text: &str) -> u8 {
    classes_of(text.as_bytes())
}

fn classes_of(bytes: &[u8]) -> u8 {
    // Only comparisons and bit operations, so that the compiler can vectorise the loop.
    let (mut control, mut foreign, mut angle) = (0u8, 0u8, 0u8);
    for b in bytes {
        control |= u8::from(*b < 0x20) & u8::from(*b != b'\n') | u8::from(*b == 0x7f);
        foreign |= *b >> 7;
        angle |= u8::from(*b == b'<');
    }
    let (mut dash, mut colon) = (0u8, 0u8);
    for (a, b) in bytes.iter().zip(bytes.get(1..).unwrap_or_default()) {
        let letter = *a | 0x20;
        dash |= u8::from(*a == b'-') & u8::from(*b == b'-');
        colon |=
            u8::from(*b == b':') & (u8::from(letter == b't') | u8::from(letter == b'n') | u8::from(letter == b'g'));
    }
    let found = [(control, CONTROL), (foreign, FOREIGN), (angle, ANGLE), (dash, DASH), (colon, COLON)];
    found.into_iter().fold(0, |kinds, (found, kind)| kinds | (found * kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_of_its_class_wherever_it_stands() {
        let kind_of = |what: &[u8], at: usize| {
            let mut bytes = [b'a'; 100];
            bytes[at..at + what.len()].copy_from_slice(what);
            classes_of(&bytes)
        };
        for at in [0, 15, 16, 40, 98] {
            for b in 0..=255u8 {
                let expected = match b {
                    b'\n' => 0,
                    0..0x20 | 0x7f => CONTROL,
                    b'<' => ANGLE,
                    0x80.. => FOREIGN,
                    _ => 0,
                };
                assert_eq!(kind_of(&[b], at), expected, "{b:#x} at {at}");
                let colon = if b"tngTNG".contains(&b) { COLON } else { expected };
                assert_eq!(kind_of(&[b, b':'], at), colon, "{b:#x}: at {at}");
            }
            assert_eq!(kind_of(b"--", at), DASH, "at {at}");
        }
        assert_eq!((classes_of(b""), classes_of(b"-"), classes_of(b":")), (0, 0, 0));
    }
}
