//! Base64 (RFC 4648, 4), one line at a time.

/// Decodes one line of base64; `None` if it is not canonical. It is written separately, so that the decoder of the
/// product reader is checked by different code.
pub(super) fn base64(line: &[u8]) -> Option<Vec<u8>> {
    if line.is_empty() || !line.len().is_multiple_of(4) {
        return None;
    }
    let padding = line.iter().rev().take_while(|b| **b == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(line.len() / 4 * 3);
    for (i, group) in line.chunks(4).enumerate() {
        let pad = if (i + 1) * 4 == line.len() { padding } else { 0 };
        let mut bits: u32 = 0;
        for (j, b) in group.iter().enumerate() {
            let value = match b {
                b'A'..=b'Z' => b - b'A',
                b'a'..=b'z' => b - b'a' + 26,
                b'0'..=b'9' => b - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' if j >= 4 - pad => 0,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let three = bits.to_be_bytes();
        if three[4 - pad..].iter().any(|b| *b != 0) {
            return None;
        }
        bytes.extend(&three[1..4 - pad]);
    }
    Some(bytes)
}
