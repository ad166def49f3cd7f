//! Private keys as PEM of PKCS #8 (RFC 7468, section 10), encoded and decoded without leaving copies in memory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Bytes encoded on one line of PEM, as 64 characters.
const LINE_BYTES: usize = 48;

/// Encodes a PKCS #8 private key (DER) as PEM with LF line endings.
pub fn private_key_to_pem(pkcs8: &[u8]) -> Zeroizing<String> {
    // The full capacity is allocated at once: a text that grows would leave copies in memory.
    let length = BEGIN.len() + END.len() + 2 + pkcs8.len().div_ceil(LINE_BYTES) * 65;
    let mut text = Zeroizing::new(String::with_capacity(length));
    text.push_str(BEGIN);
    text.push('\n');
    for piece in pkcs8.chunks(LINE_BYTES) {
        let mut line = Zeroizing::new([0; 64]);
        // INVARIANT: 48 bytes are 64 characters, all of them ASCII.
        let written = STANDARD.encode_slice(piece, &mut *line).expect("a piece fits a line");
        text.push_str(std::str::from_utf8(&line[..written]).expect("base64 is ASCII"));
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    text
}

/// Decodes the one PKCS #8 private key in a PEM text to DER; `None` if there is no such block, or another one as well.
pub fn private_key_from_pem(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (body, after) = rest.split_once(END)?;
    if [before, after].iter().any(|other| other.contains("-----")) {
        return None;
    }
    let mut encoded = Zeroizing::new(Vec::with_capacity(body.len()));
    encoded.extend(body.bytes().filter(|b| !b.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; base64::decoded_len_estimate(encoded.len())]);
    let length = STANDARD.decode_slice(&*encoded, &mut der).ok()?;
    der.truncate(length);
    Some(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_any_length_and_line_endings_is_decoded_as_encoded() {
        for length in [1, 47, 48, 49, 96, 2700] {
            let key: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let text = private_key_to_pem(&key);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(private_key_from_pem(&text).as_deref(), Some(&key));
            assert_eq!(private_key_from_pem(&text.replace('\n', "\r\n")).as_deref(), Some(&key));
            assert_eq!(private_key_from_pem(&format!("EXERCISE key\n{}", *text)).as_deref(), Some(&key));
            let library = pem::parse(text.as_bytes()).unwrap();
            assert_eq!((library.tag(), library.contents()), ("PRIVATE KEY", &key[..]));
        }
    }

    #[test]
    fn refuses_what_is_not_exactly_one_private_key() {
        let text = private_key_to_pem(&[7; 61]);
        assert!(private_key_from_pem(&text).is_some());
        let twice = format!("{0}{0}", *text);
        let other = text.replace("PRIVATE", "PUBLIC");
        let beside = format!("{}{other}", *text);
        for not in ["", "EXERCISE", BEGIN, &twice, &other, &beside, &text.replace('=', "!"), &text[..text.len() - 5]] {
            assert_eq!(private_key_from_pem(not), None, "{not:?}");
        }
    }
}
