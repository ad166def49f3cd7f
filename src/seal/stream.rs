//! Age files as streams: the size that encryption adds, and a view of one part of a stream.

use std::io::{self, Read, Seek, SeekFrom};

use crate::product::ReadSeek;

/// The chunk size of age in bytes.
const CHUNK: usize = 64 * 1024;

/// The most bytes that an age file for one X25519 recipient adds to its content: header, nonce, and a tag for each chunk.
pub(super) fn overhead(content: u64) -> u64 {
    content / CHUNK as u64 * 16 + 1024
}

/// A view of one part of a stream.
pub(super) struct Window {
    inner: Box<dyn ReadSeek + Send>,
    start: u64,
    size: u64,
    at: u64,
}

impl Window {
    /// Creates a view of the `size` bytes from offset `start`.
    pub fn new(mut inner: Box<dyn ReadSeek + Send>, start: u64, size: u64) -> io::Result<Window> {
        inner.seek(SeekFrom::Start(start))?;
        Ok(Window { inner, start, size, at: 0 })
    }
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX).min(into.len());
        let read = self.inner.read(&mut into[..left])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        // Seeks no further than the end of the view, so that nothing after it is decrypted.
        let inside = self.start.checked_add(target.min(self.size)).ok_or(io::ErrorKind::InvalidInput)?;
        self.inner.seek(SeekFrom::Start(inside))?;
        self.at = target;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_shows_its_part_and_nothing_around_it() {
        let inner = Box::new(io::Cursor::new(b"before EXERCISE behind".to_vec()));
        let mut window = Window::new(inner, 7, 8).unwrap();
        let mut text = String::new();
        window.read_to_string(&mut text).unwrap();
        assert_eq!(text, "EXERCISE");
        assert_eq!(window.seek(SeekFrom::End(-3)).unwrap(), 5);
        text.clear();
        window.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ISE");
        window.seek(SeekFrom::Start(50)).unwrap();
        assert_eq!(window.read(&mut [0; 4]).unwrap(), 0);
        assert!(window.seek(SeekFrom::Current(-51)).is_err());
    }
}
