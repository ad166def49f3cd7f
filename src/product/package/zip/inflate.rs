//! The data of one entry as a stream, checked against everything the archive says of it.

use std::io::{self, Read, SeekFrom};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use super::records::Source;

/// Packed bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// Reads the content of one entry. Ends without a fault only if the content has the stated length and checksum, and is
/// made of exactly the bytes that are stored for it.
pub(super) struct EntryReader<'s> {
    source: &'s mut Source,
    packed_left: u64,
    size_left: u64,
    crc: crc32fast::Hasher,
    crc_stated: u32,
    inflating: Option<Inflating>,
    ended: bool,
    fault: Option<&'static str>,
}

struct Inflating {
    state: Box<InflateState>,
    input: Vec<u8>,
    from: usize,
    done: bool,
}

impl<'s> EntryReader<'s> {
    pub fn new(
        source: &'s mut Source,
        at: u64,
        packed: u64,
        size: u64,
        deflated: bool,
        crc: u32,
    ) -> io::Result<EntryReader<'s>> {
        source.seek(SeekFrom::Start(at))?;
        let inflating = deflated.then(|| Inflating {
            state: InflateState::new_boxed(DataFormat::Raw),
            input: Vec::new(),
            from: 0,
            done: false,
        });
        Ok(EntryReader {
            source,
            packed_left: packed,
            size_left: size,
            crc: crc32fast::Hasher::new(),
            crc_stated: crc,
            inflating,
            ended: false,
            fault: None,
        })
    }

    /// What was found to be wrong with the content, if anything was.
    pub fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn wrong(&mut self, message: &'static str) -> io::Error {
        self.fault = Some(message);
        io::Error::new(io::ErrorKind::InvalidData, message)
    }

    /// The next bytes of the content, before anything is checked; none at its end.
    fn next(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(mut inflating) = self.inflating.take() else {
            let most = usize::try_from(self.packed_left).unwrap_or(usize::MAX).min(into.len());
            let read = self.source.read(&mut into[..most])?;
            self.packed_left -= read as u64;
            return if read == 0 && most > 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) };
        };
        let mut written = 0;
        while written == 0 && !inflating.done {
            if inflating.from == inflating.input.len() && self.packed_left > 0 {
                let most = usize::try_from(self.packed_left).unwrap_or(usize::MAX).min(CHUNK);
                inflating.input.resize(most, 0);
                self.source.read_exact(&mut inflating.input)?;
                inflating.from = 0;
                self.packed_left -= most as u64;
            }
            let result = inflate(&mut inflating.state, &inflating.input[inflating.from..], into, MZFlush::None);
            inflating.from += result.bytes_consumed;
            written = result.bytes_written;
            match result.status {
                Ok(MZStatus::StreamEnd) => inflating.done = true,
                Ok(_) if written > 0 || result.bytes_consumed > 0 => {}
                _ => return Err(self.wrong("is not valid deflated data, or is truncated")),
            }
        }
        if inflating.done && (inflating.from < inflating.input.len() || self.packed_left > 0) {
            return Err(self.wrong("has bytes after the end of its deflated data"));
        }
        self.inflating = Some(inflating);
        Ok(written)
    }
}

impl Read for EntryReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(message) = self.fault {
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let read = self.next(into)?;
        if read as u64 > self.size_left {
            // Stopped here, however much more there would be.
            return Err(self.wrong("is longer than stated"));
        }
        self.size_left -= read as u64;
        self.crc.update(&into[..read]);
        if read == 0 {
            self.ended = true;
            if self.size_left > 0 {
                return Err(self.wrong("is shorter than stated"));
            }
            if self.crc.clone().finalize() != self.crc_stated {
                return Err(self.wrong("does not match the stated checksum"));
            }
        }
        Ok(read)
    }
}
