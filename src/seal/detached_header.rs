//! The detached header: an age file's header holds the wrapped key, so it is stored and sent apart from the rest.
//!
//! This module splits a file as it is written and joins the two parts as they are read. Of the header's format it knows only where
//! the header ends.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::envelope::{HEADER_BYTES_MAX, Header};
use crate::product::ReadSeek;

/// The length in bytes of the header of an age file: up to the end of the line that begins with `---`. `None` if `file` does not
/// contain that whole line.
pub(super) fn header_length(file: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(line) = file[at..].iter().position(|byte| *byte == b'\n') {
        let is_last = file[at..].starts_with(b"---");
        at += line + 1;
        if is_last {
            return Some(at);
        }
    }
    None
}

/// Whether this is exactly one header with nothing after it. Otherwise a sender could move a part of the payload into the header,
/// or the wrapped key into the payload.
pub(super) fn is_whole(header: &Header) -> bool {
    header_length(header.bytes()) == Some(header.bytes().len())
}

/// A writer for an age file that keeps the header and passes on the rest.
pub(super) struct HeaderSplitter<W> {
    header: Vec<u8>,
    ended: bool,
    rest: W,
}

impl<W: Write> HeaderSplitter<W> {
    pub fn new(rest: W) -> HeaderSplitter<W> {
        HeaderSplitter { header: Vec::new(), ended: false, rest }
    }

    /// Returns the header.
    ///
    /// # Errors
    /// If no complete header was written, or it is too long.
    pub fn header(self) -> io::Result<Header> {
        let header = if self.ended { Header::new(self.header).ok() } else { None };
        header.ok_or_else(|| io::Error::other("age wrote a header that does not end, or is too long"))
    }
}

impl<W: Write> Write for HeaderSplitter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.ended {
            return self.rest.write(bytes);
        }
        let before = self.header.len();
        self.header.extend_from_slice(bytes);
        match header_length(&self.header) {
            Some(length) => {
                self.header.truncate(length);
                self.ended = true;
                // The caller calls again with the rest.
                Ok(length - before)
            }
            None if self.header.len() > HEADER_BYTES_MAX => {
                Err(io::Error::other("age wrote a header that is too long"))
            }
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.rest.flush()
    }
}

/// A reader that joins a header and the rest into one file.
pub(super) struct Joined<R> {
    header: io::Cursor<Vec<u8>>,
    rest: R,
    at: u64,
}

impl<R: ReadSeek> Joined<R> {
    /// Creates a reader at the beginning of the joined file.
    pub fn new(header: &Header, mut rest: R) -> io::Result<Joined<R>> {
        rest.seek(SeekFrom::Start(0))?;
        Ok(Joined { header: io::Cursor::new(header.bytes().to_vec()), rest, at: 0 })
    }

    fn header_length(&self) -> u64 {
        self.header.get_ref().len() as u64
    }
}

impl<R: ReadSeek> Read for Joined<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = if self.at < self.header_length() { self.header.read(into)? } else { self.rest.read(into)? };
        self.at += read as u64;
        Ok(read)
    }
}

impl<R: ReadSeek> Seek for Joined<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.header_length();
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (length + self.rest.seek(SeekFrom::End(0))?).checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        self.header.set_position(target.min(length));
        self.rest.seek(SeekFrom::Start(target.saturating_sub(length)))?;
        self.at = target;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"age-encryption.org/v1\n-> X25519 EXERCISE\n-----\n--- mac\nEXERCISE\n--- no mac\n";

    fn apart(piece: usize) -> (Header, Vec<u8>) {
        let mut rest = Vec::new();
        let mut apart = HeaderSplitter::new(&mut rest);
        FILE.chunks(piece).for_each(|bytes| apart.write_all(bytes).unwrap());
        (apart.header().unwrap(), rest)
    }

    #[test]
    fn splits_a_file_after_the_line_of_its_mac_whatever_the_pieces() {
        for piece in 1..=FILE.len() {
            let (header, rest) = apart(piece);
            assert!(is_whole(&header));
            assert_eq!([header.bytes(), &rest].concat(), FILE);
            assert!(header.bytes().ends_with(b"-----\n"), "the first such line is its last: {piece}");
        }
    }

    #[test]
    fn a_header_with_something_behind_it_or_missing_is_not_whole() {
        let (header, _) = apart(1);
        let other = |bytes: &[u8]| is_whole(&Header::new(bytes).unwrap());
        assert!(other(header.bytes()));
        assert!(!other(&[header.bytes(), b"E"].concat()));
        assert!(!other(&header.bytes()[..header.bytes().len() - 1]));
        assert!(!other(b"age-encryption.org/v1\n"));
    }

    #[test]
    fn refuses_a_file_without_an_end_of_its_header() {
        let mut apart = HeaderSplitter::new(Vec::new());
        assert!(apart.write_all(&[b'x'; HEADER_BYTES_MAX]).is_ok());
        assert!(apart.write_all(b"x").is_err());
        let mut apart = HeaderSplitter::new(Vec::new());
        apart.write_all(b"age-encryption.org/v1\n---").unwrap();
        assert!(apart.header().is_err());
    }

    #[test]
    fn the_two_parts_are_read_as_the_one_file_from_every_position() {
        let (header, rest) = apart(7);
        let mut together = Joined::new(&header, io::Cursor::new(rest)).unwrap();
        for at in (0..=FILE.len()).chain((0..FILE.len()).rev().step_by(3)) {
            let mut read = Vec::new();
            assert_eq!(together.seek(SeekFrom::Start(at as u64)).unwrap(), at as u64);
            assert_eq!(together.stream_position().unwrap(), at as u64);
            together.read_to_end(&mut read).unwrap();
            assert_eq!(read, &FILE[at..]);
        }
        assert_eq!(together.seek(SeekFrom::End(0)).unwrap(), FILE.len() as u64);
        assert!(together.seek(SeekFrom::Current(-1000)).is_err());
    }
}
