//! Bending files by what they are made of: chunks, segments, tokens and lines, with their checks mended, so that what is
//! bent is read further than its first byte.

use portcullis::rebuild::Kind;

/// SplitMix64: small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as usize % sides.max(1)
    }

    pub fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// `bytes`, bent in one to three places; one in eight is left as it is.
pub fn bent(dice: &mut Dice, kind: Option<Kind>, bytes: &[u8]) -> Vec<u8> {
    if dice.below(8) == 0 {
        return bytes.to_vec();
    }
    let mut parts = parts(kind, bytes);
    for _ in 0..=dice.below(3) {
        bend(dice, kind, &mut parts);
    }
    match kind {
        Some(Kind::Png) => parts.iter_mut().for_each(|part| mend_chunk(part)),
        Some(Kind::Pdf) => return mend_table(&parts.concat()),
        _ => {}
    }
    parts.concat()
}

/// A file as the parts that its readers take one by one.
fn parts(kind: Option<Kind>, bytes: &[u8]) -> Vec<Vec<u8>> {
    match kind {
        Some(Kind::Png) => chunks(bytes),
        Some(Kind::Jpeg) => segments(bytes),
        // Tokens, each with what parts it from the next.
        _ => {
            bytes.chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric()).map(<[u8]>::to_vec).collect()
        }
    }
}

fn chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (signature, mut rest) = bytes.split_at(bytes.len().min(8));
    let mut parts = vec![signature.to_vec()];
    while let Some(head) = rest.first_chunk::<4>() {
        let length = (u32::from_be_bytes(*head) as usize).saturating_add(12).min(rest.len());
        parts.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    parts.push(rest.to_vec());
    parts
}

fn segments(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for (n, byte) in bytes.iter().enumerate() {
        let marker = *byte == 0xFF && !matches!(bytes.get(n + 1), None | Some(0 | 0xD0..=0xD7 | 0xFF));
        match parts.last_mut().filter(|_| !marker) {
            Some(part) => part.push(*byte),
            None => parts.push(vec![*byte]),
        }
    }
    parts
}

/// Values at which readers err.
const NUMBERS: [&[u8]; 10] =
    [b"0", b"-1", b"1", b"65535", b"65536", b"4294967295", b"2147483648", b"1e308", b"0.00001", b"999999999999"];
const WORDS: [&[u8]; 24] = [
    b"[",
    b"]",
    b"<<",
    b">>",
    b"(",
    b")",
    b"{",
    b"}",
    b"\"",
    b"/",
    b"q",
    b"Q",
    b"BT",
    b"ET",
    b"null",
    b"R",
    b"\\",
    b"\n",
    b"|",
    b"`",
    b"*",
    b"BEGIN ATTACHMENT ",
    b"\xEF\xB7\xBA",
    b"\0",
];

fn bend(dice: &mut Dice, kind: Option<Kind>, parts: &mut Vec<Vec<u8>>) {
    let (at, other) = (dice.below(parts.len()), dice.below(parts.len()));
    match dice.below(8) {
        0 => drop(parts.remove(at)),
        1 => parts.insert(at, parts[other].clone()),
        2 => parts.swap(at, other),
        3 => {
            let kept = dice.below(parts[at].len() + 1);
            parts[at].truncate(kept);
        }
        4 if matches!(kind, None | Some(Kind::Pdf | Kind::Json | Kind::Stix | Kind::Csv)) => {
            parts[at] = if dice.below(2) == 0 { dice.one_of(&NUMBERS) } else { dice.one_of(&WORDS) }.to_vec();
        }
        _ => {
            // A byte of a part, more often one near its beginning, where it says what it is.
            let length = parts[at].len();
            let near = if dice.below(2) == 0 { length.min(24) } else { length };
            let place = dice.below(near);
            if let Some(byte) = parts[at].get_mut(place) {
                *byte = match dice.below(4) {
                    0 => *byte ^ 1 << dice.below(8),
                    1 => byte.wrapping_add(1),
                    2 => *dice.one_of(&[0, 1, 3, 7, 15, 16, 127, 128, 254, 255]),
                    _ => dice.below(256) as u8,
                };
            }
        }
    }
    if parts.is_empty() {
        parts.push(Vec::new());
    }
}

/// A chunk of a PNG with its length and its check as they must be.
fn mend_chunk(chunk: &mut [u8]) {
    let length = chunk.len();
    if length < 12 {
        return;
    }
    chunk[..4].copy_from_slice(&(length as u32 - 12).to_be_bytes());
    let mut check = u32::MAX;
    for byte in &chunk[4..length - 4] {
        check ^= u32::from(*byte);
        check = (0..8).fold(check, |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ c >> 1 } else { c >> 1 });
    }
    chunk[length - 4..].copy_from_slice(&(!check).to_be_bytes());
}

/// A PDF whose plain table says where its objects now are.
fn mend_table(bytes: &[u8]) -> Vec<u8> {
    let find = |what: &[u8]| bytes.windows(what.len()).rposition(|w| w == what);
    let Some(table) = find(b"\nxref\n").map(|at| at + 1) else { return bytes.to_vec() };
    let places: Vec<usize> = (0..table).filter(|at| bytes[*at..].starts_with(b" 0 obj")).collect();
    let begins = |number: usize| {
        let is = |at: &&usize| {
            let digits = bytes[..**at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
            bytes[**at - digits..**at] == *number.to_string().as_bytes()
        };
        places.iter().find(is).map(|at| at - number.to_string().len())
    };
    let mut number = 0;
    let mut out = bytes[..table].to_vec();
    let mut next_is_start = false;
    for line in bytes[table..].split_inclusive(|b| *b == b'\n') {
        if line.ends_with(b" n \n") || line.ends_with(b" f \n") {
            match begins(number).filter(|_| line.ends_with(b" n \n")) {
                Some(at) => out.extend(format!("{at:010} 00000 n \n").bytes()),
                None => out.extend(line),
            }
            number += 1;
        } else if next_is_start {
            out.extend(format!("{table}\n").bytes());
            next_is_start = false;
        } else {
            next_is_start = line == b"startxref\n";
            out.extend(line);
        }
    }
    out
}
