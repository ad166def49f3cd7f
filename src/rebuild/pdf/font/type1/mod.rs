//! Type 1 font programs (Adobe Type 1 Font Format, version 1.1), read strictly and only as far as outlines need: glyph
//! names, encoding, matrix and charstrings. No PostScript is executed.

mod tokens;

use std::collections::BTreeMap;

use self::tokens::Tokens;
use super::charstring;
use super::glyph_names::Base;
use super::outline::{Outline, Pen};
use super::refused;
use crate::rebuild::Fault;

/// A Type 1 font program.
pub(in crate::rebuild::pdf) struct Type1 {
    /// The charstrings with their glyph names; the first one is `.notdef`.
    drawings: Vec<(String, Vec<u8>)>,
    by_name: BTreeMap<String, u16>,
    parts: Vec<Vec<u8>>,
    matrix: [f64; 6],
    /// Glyph names by code if the program has an encoding of its own; `None` for StandardEncoding.
    encoding: Option<BTreeMap<u8, String>>,
}

/// The glyph that is drawn for characters that a font lacks.
const NOTDEF: &str = ".notdef";
/// Maximum charstrings, and subroutines, of one program.
const GLYPHS_MAX: usize = 65_535;

fn broken() -> Fault {
    refused("an embedded Type 1 font that is damaged or malformed")
}

impl Type1 {
    /// Reads a program.
    ///
    /// # Errors
    /// `pdf.font` if it is malformed.
    pub fn read(bytes: &[u8]) -> Result<Type1, Fault> {
        const ENDS: &[u8] = b"currentfile eexec";
        let ends = bytes.windows(ENDS.len()).position(|w| w == ENDS).ok_or_else(broken)?;
        let (head, rest) = bytes.split_at_checked(ends).ok_or_else(broken)?;
        let (matrix, encoding) = clear_text(head)?;
        let private = decrypted(rest.get(ENDS.len()..).unwrap_or_default().trim_ascii_start())?;
        let (parts, mut drawings) = private_parts(&private)?;
        let lacking = drawings.iter().position(|(name, _)| name == NOTDEF).ok_or_else(broken)?;
        drawings.swap(0, lacking);
        let by_name: BTreeMap<String, u16> = (0..).zip(&drawings).map(|(i, (name, _))| (name.clone(), i)).collect();
        if by_name.len() != drawings.len() {
            return Err(broken());
        }
        Ok(Type1 { drawings, by_name, parts, matrix, encoding })
    }

    /// Returns the name of the glyph with this index.
    pub fn name(&self, drawing: u16) -> Option<&str> {
        self.drawings.get(usize::from(drawing)).map(|(name, _)| name.as_str())
    }

    /// Returns the number of glyphs.
    pub fn count(&self) -> u16 {
        // INVARIANT: at most `GLYPHS_MAX` are read.
        self.drawings.len() as u16
    }

    /// Returns the index of the glyph with this name.
    pub fn named(&self, name: &str) -> Option<u16> {
        self.by_name.get(name).copied()
    }

    /// Returns the index of the glyph for a code in the program's encoding.
    pub fn glyph_for_code(&self, code: u8) -> Option<u16> {
        match &self.encoding {
            Some(own) => self.named(own.get(&code)?),
            None => self.glyph_for_char(Base::Standard.letter(code)?),
        }
    }

    /// Returns the index of the glyph for a character, found by its name.
    pub fn glyph_for_char(&self, letter: char) -> Option<u16> {
        let is = |name: &str| super::glyph_names::letters(name).is_some_and(|l| l.chars().eq([letter]));
        // A name with a point in it is a variant of the glyph.
        self.by_name.iter().find(|(name, _)| !name.contains('.') && is(name)).map(|(_, drawing)| *drawing)
    }

    /// Returns the outline of a glyph.
    ///
    /// # Errors
    /// `pdf.font` if the index or the charstring is invalid.
    pub fn outline(&self, drawing: u16) -> Result<Outline, Fault> {
        let (_, code) = self.drawings.get(usize::from(drawing)).ok_or_else(broken)?;
        let mut pen = Pen::placed(self.matrix)?;
        let standard = |code: u8| {
            let drawing = Base::Standard.letter(code).and_then(|letter| self.glyph_for_char(letter))?;
            self.drawings.get(usize::from(drawing)).map(|(_, code)| code.as_slice())
        };
        charstring::draw(code, &self.parts, &standard, &mut pen).ok_or_else(broken)?;
        pen.outline()
    }
}

/// The font matrix, and glyph names by code if the program has an encoding of its own.
type ClearText = ([f64; 6], Option<BTreeMap<u8, String>>);

/// Reads the part that is not encrypted.
fn clear_text(head: &[u8]) -> Result<ClearText, Fault> {
    let mut tokens = Tokens { bytes: head, at: 0 };
    let (mut matrix, mut encoding) = (None, None);
    while let Some(word) = tokens.next() {
        match word {
            b"/FontMatrix" if matrix.is_none() => {
                if !matches!(tokens.next(), Some(b"[" | b"{")) {
                    return Err(broken());
                }
                let mut numbers = [0.0; 6];
                for number in &mut numbers {
                    *number = tokens.number().ok_or_else(broken)?;
                }
                matrix = Some(numbers);
            }
            b"/Encoding" if encoding.is_none() => encoding = Some(tokens.encoding().ok_or_else(broken)?),
            b"/FontMatrix" | b"/Encoding" => return Err(broken()),
            _ => {}
        }
    }
    Ok((matrix.ok_or_else(broken)?, encoding.ok_or_else(broken)?))
}

/// Returns the encrypted part (7.1) decrypted; it is binary or hexadecimal.
fn decrypted(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let packed;
    let bytes = if bytes.get(..4).is_some_and(digits) {
        let values: Vec<u8> =
            bytes.iter().filter_map(|b| char::from(*b).to_digit(16)).map(|digit| digit as u8).collect();
        packed = values.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<u8>>();
        &packed
    } else {
        bytes
    };
    let clear = decrypt(bytes, 55_665);
    clear.get(4..).map(<[u8]>::to_vec).ok_or_else(broken)
}

/// Decrypts a program or a charstring, which differ in the key (7.2, 7.3).
fn decrypt(bytes: &[u8], mut key: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for cipher in bytes {
        out.push(cipher ^ (key >> 8) as u8);
        key = u16::from(*cipher).wrapping_add(key).wrapping_mul(52_845).wrapping_add(22_719);
    }
    out
}

type Parts = (Vec<Vec<u8>>, Vec<(String, Vec<u8>)>);

/// Reads the subroutines and charstrings from the decrypted part.
fn private_parts(private: &[u8]) -> Result<Parts, Fault> {
    let mut tokens = Tokens { bytes: private, at: 0 };
    let (mut ahead, mut parts, mut drawings) = (4usize, None, None);
    while let Some(word) = tokens.next() {
        match word {
            // The number of random bytes before each charstring; a negative one means that charstrings are not
            // encrypted.
            b"/lenIV" => ahead = tokens.count(16).ok_or_else(broken)?,
            b"/Subrs" if parts.is_none() && drawings.is_none() => {
                parts = Some(tokens.subroutines(ahead).ok_or_else(broken)?);
            }
            b"/CharStrings" if drawings.is_none() => {
                drawings = Some(tokens.charstrings(ahead).ok_or_else(broken)?);
            }
            b"/Subrs" | b"/CharStrings" => return Err(broken()),
            b"closefile" => break,
            _ => {}
        }
    }
    Ok((parts.unwrap_or_default(), drawings.ok_or_else(broken)?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn encrypt(bytes: &[u8], mut key: u16) -> Vec<u8> {
        let cipher = |clear: &u8| {
            let cipher = clear ^ (key >> 8) as u8;
            key = u16::from(cipher).wrapping_add(key).wrapping_mul(52_845).wrapping_add(22_719);
            cipher
        };
        bytes.iter().map(cipher).collect()
    }

    /// A charstring of numbers and commands: `c10` is command 10, `c12.6` is the two-byte command 12 6.
    fn drawing(text: &str) -> Vec<u8> {
        let mut out = vec![0; 4];
        for word in text.split(' ') {
            match word.strip_prefix('c') {
                Some(command) => out.extend(command.split('.').map(|n| n.parse::<u8>().unwrap())),
                None => {
                    out.push(255);
                    out.extend(word.parse::<i32>().unwrap().to_be_bytes());
                }
            }
        }
        encrypt(&out, 4330)
    }

    fn program(parts: &[&str], drawings: &[(&str, &str)], encoding: &str, digits: bool) -> Result<Type1, Fault> {
        written(parts, "0 250 c13 c14", drawings, (encoding, digits))
    }

    /// A program with these charstrings, and one for `.notdef`.
    pub fn written(
        parts: &[&str],
        lacking: &str,
        drawings: &[(&str, &str)],
        (encoding, digits): (&str, bool),
    ) -> Result<Type1, Fault> {
        let mut private =
            b"0000dup /Private 8 dict dup begin /RD {string currentfile exch readstring pop} def\n".to_vec();
        let mut put = |head: String, code: &str, end: &str| {
            let code = drawing(code);
            private.extend(format!("{head} {} RD ", code.len()).bytes());
            private.extend(code);
            private.extend(end.bytes());
        };
        put(format!("/lenIV 4 def /Subrs {} array dup 0", parts.len()), parts[0], " NP\n");
        for (i, part) in parts.iter().enumerate().skip(1) {
            put(format!("dup {i}"), part, " NP\n");
        }
        put(format!("ND 2 index /CharStrings {} dict dup begin /.notdef", drawings.len() + 1), lacking, " ND\n");
        for (name, code) in drawings {
            put(format!("/{name}"), code, " ND\n");
        }
        private.extend(b"end end readonly put mark currentfile closefile\n");
        let private = encrypt(&private, 55_665);
        let private = if digits { hex::encode(private).into_bytes() } else { private };
        let head = format!(
            "%!PS-AdobeFont-1.0: Exercise\n/FontMatrix [0.001 0 0 0.001 0 0] readonly def\n/Encoding {encoding} def\n\
             currentdict end\ncurrentfile eexec\n"
        );
        Type1::read(&[head.as_bytes(), &private, b"\n0000000000\ncleartomark"].concat())
    }

    pub const RETURN: &str = "c11";
    pub const BOX: &str = "50 600 c13 0 c4 500 c6 700 c7 -500 c6 c9 c14";

    fn drawn(parts: &[&str], code: &str) -> Option<String> {
        let program = program(parts, &[("A", code), ("acute", BOX)], "StandardEncoding", false).ok()?;
        Some(program.outline(program.named("A")?).ok()?.code())
    }

    #[test]
    fn draws_letters_and_knows_their_codes() {
        let outline = "50 0 m\n550 0 l\n550 700 l\n50 700 l\nh\nf\n";
        assert_eq!(drawn(&[RETURN], BOX).as_deref(), Some(outline));
        // The same by a subroutine, and with hint replacement.
        let called = "50 600 c13 0 c10 0 c4 1 1 3 c12.16 c12.17 c10 c9 c14";
        assert_eq!(drawn(&["1 20 c1 c11", "500 c6 700 c7 -500 c6 c11"], called).as_deref(), Some(outline));
        // A flex: seven points, collected by PostScript subroutines.
        let flex = "0 600 c13 0 c4 0 1 c12.16 100 0 c21 0 2 c12.16 -50 0 c21 0 2 c12.16 25 5 c21 0 2 c12.16 25 0 c21 \
                    0 2 c12.16 25 0 c21 0 2 c12.16 25 -5 c21 0 2 c12.16 50 0 c21 0 2 c12.16 \
                    50 200 0 3 0 c12.16 c12.17 c12.17 c12.33 0 400 c5 c9 c14";
        let curves = "0 0 m\n50 0 75 5 100 5 c\n125 5 150 0 200 0 c\n200 400 l\nh\nf\n";
        assert_eq!(drawn(&[RETURN], flex).as_deref(), Some(curves));
        let own = "256 array 0 1 255 {1 index exch /.notdef put} for dup 200 /A put readonly";
        for digits in [false, true] {
            let program = program(&[RETURN], &[("A", BOX), ("B.alt", BOX)], own, digits).unwrap();
            assert_eq!((program.glyph_for_code(200), program.glyph_for_code(65)), (program.named("A"), None));
            assert_eq!((program.glyph_for_char('A'), program.glyph_for_char('B')), (program.named("A"), None));
        }
    }

    #[test]
    fn draws_a_letter_that_is_made_of_two() {
        let made = program(
            &[RETURN],
            &[("A", BOX), ("acute", BOX), ("Aacute", "50 600 c13 50 100 300 65 194 c12.6")],
            "StandardEncoding",
            false,
        )
        .unwrap();
        let code = made.outline(made.named("Aacute").unwrap()).unwrap().code();
        assert!(code.contains("50 0 m") && code.contains("150 300 m"), "{code}");
        assert_eq!(drawn(&[RETURN], "50 600 c13 50 100 300 66 194 c12.6"), None, "of a letter that is not there");
    }

    #[test]
    fn refuses_what_does_not_end_or_is_not_as_it_must_be() {
        for (parts, code) in [
            (["0 c10 c11"], "50 600 c13 0 c10 c14"),
            ([RETURN], "50 600 c13 500 c6"),
            ([RETURN], "50 600 c13 7 c10 c14"),
            ([RETURN], "50 600 c13 1 2 3 c5 c14"),
            ([RETURN], "50 600 c13 c12.99 c14"),
            ([RETURN], "50 600 c13 0 1 c12.16 c14"),
            ([RETURN], "50 600 c13 1 0 c12.12 c14"),
            ([RETURN], "50 600 c13 2 1 18 c12.16 c14"),
            ([RETURN], "50 600 c13 50000 c6 c9 c14"),
        ] {
            assert_eq!(drawn(&parts, code), None, "{code}");
        }
        assert!(program(&[RETURN], &[("A", BOX), ("A", BOX)], "StandardEncoding", false).is_err());
        assert!(program(&[RETURN], &[], "256 array dup 65 /A put dup 65 /B put", false).is_err());
        assert!(program(&[RETURN], &[], "StandardEncoding def /Encoding StandardEncoding", false).is_err());
        assert!(Type1::read(b"%!PS-AdobeFont-1.0\ncurrentfile eexec\n0000").is_err());
    }
}
