//! Pipelines for long contents: one thread reads and decrypts ahead, one processes, one writes behind.
//!
//! Bytes and order are the same as without it, and only a few pieces are in flight. It makes no decisions and drops
//! nothing: an error at one end is reported at the other.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::cut::Cut;
use crate::digest::Digest;
use crate::inspect::{ScanResults, ScanSet};
use crate::product::{Contents, ContentsFault, ReadSeek};
use crate::store::SpoolError;

/// Size of a piece, in bytes.
const PIECE: usize = 512 * 1024;
/// Maximum number of pieces in flight.
const IN_FLIGHT_MAX: usize = 4;
/// Shorter contents are not worth a thread.
const LONG: u64 = 4 * PIECE as u64;

/// Whether content of this many bytes is worth a thread.
pub(in crate::gateway) fn is_long(bytes: u64) -> bool {
    bytes >= LONG
}

/// The same stream, read ahead by its own thread from the first read on.
pub(in crate::gateway) fn read_ahead(content: Box<dyn ReadSeek + Send>) -> Box<dyn ReadSeek + Send> {
    Box::new(ReadAhead::Waiting(Some(content)))
}

/// Contents that are read ahead if they are long.
pub(in crate::gateway) struct Ahead<'a>(pub &'a dyn Contents);

impl Contents for Ahead<'_> {
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        let mut content = self.0.open(digest)?;
        let of_io = |e: io::Error| ContentsFault::of_io(digest, &e);
        let length = content.seek(SeekFrom::End(0)).map_err(of_io)?;
        content.seek(SeekFrom::Start(0)).map_err(of_io)?;
        Ok(if is_long(length) { read_ahead(content) } else { content })
    }
}

/// A stream that is read ahead from the first read on; it can seek only before that.
enum ReadAhead {
    Waiting(Option<Box<dyn ReadSeek + Send>>),
    Running {
        pieces: Receiver<io::Result<Vec<u8>>>,
        piece: Vec<u8>,
        at: usize,
    },
    /// Finished: read to the end or to an error.
    Ended,
}

impl ReadAhead {
    fn begin(mut content: Box<dyn ReadSeek + Send>) -> ReadAhead {
        let (give, pieces) = sync_channel(IN_FLIGHT_MAX);
        // The thread ends at the end of the content, at a read error, or when the receiver is dropped.
        std::thread::spawn(move || {
            loop {
                let mut piece = Vec::with_capacity(PIECE);
                let read = content.by_ref().take(PIECE as u64).read_to_end(&mut piece);
                let last = read.is_err() || piece.len() < PIECE;
                if give.send(read.map(|_| piece)).is_err() || last {
                    return;
                }
            }
        });
        ReadAhead::Running { pieces, piece: Vec::new(), at: 0 }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                ReadAhead::Waiting(content) => {
                    let content = content.take().ok_or_else(|| io::Error::other("the stream is gone"))?;
                    *self = ReadAhead::begin(content);
                }
                ReadAhead::Running { piece, at, .. } if *at < piece.len() => {
                    let take = into.len().min(piece.len() - *at);
                    into[..take].copy_from_slice(&piece[*at..*at + take]);
                    *at += take;
                    return Ok(take);
                }
                ReadAhead::Running { pieces, piece, at } => match pieces.recv() {
                    Ok(Ok(next)) if !next.is_empty() => (*piece, *at) = (next, 0),
                    Ok(Ok(_)) => *self = ReadAhead::Ended,
                    Ok(Err(error)) => {
                        *self = ReadAhead::Ended;
                        return Err(error);
                    }
                    // The last piece was a short one. If the thread panicked there was none, which must not pass for
                    // the end: the caller compares length and digest, and this reports it at once.
                    Err(_) if !piece.is_empty() && piece.len() < PIECE => *self = ReadAhead::Ended,
                    Err(_) => {
                        *self = ReadAhead::Ended;
                        return Err(io::Error::other("reading ahead ended without an end"));
                    }
                },
                ReadAhead::Ended => return Ok(0),
            }
        }
    }
}

impl Seek for ReadAhead {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            ReadAhead::Waiting(Some(content)) => content.seek(to),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "a stream that is read ahead cannot seek backwards")),
        }
    }
}

/// A writer with its own thread, so that the producer does not wait for the disk.
pub(in crate::gateway) struct WriteBehind<W> {
    pieces: Option<SyncSender<Vec<u8>>>,
    piece: Vec<u8>,
    thread: Option<JoinHandle<(W, io::Result<()>)>>,
}

impl<W: Write + Send + 'static> WriteBehind<W> {
    /// A writer to `file`, with its thread started.
    pub fn new(mut file: W) -> WriteBehind<W> {
        let (pieces, take) = sync_channel::<Vec<u8>>(IN_FLIGHT_MAX);
        let thread = std::thread::spawn(move || {
            // After a failed write nothing more is accepted, which the producer notices.
            let written = take.into_iter().try_for_each(|piece| file.write_all(&piece));
            (file, written)
        });
        WriteBehind { pieces: Some(pieces), piece: Vec::with_capacity(PIECE), thread: Some(thread) }
    }

    /// Waits until everything is written; returns the file and the write error, if any.
    pub fn end(mut self) -> Result<(W, io::Result<()>), SpoolError> {
        let last = self.hand_over();
        self.pieces = None;
        let ended = self.thread.take().and_then(|thread| thread.join().ok());
        let (file, written) = ended.ok_or(SpoolError::Interrupted)?;
        Ok((file, written.and(last)))
    }
}

impl<W> WriteBehind<W> {
    fn hand_over(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let pieces = self.pieces.as_ref().filter(|pieces| pieces.send(piece).is_ok());
        // The cause is reported by `end`.
        pieces.map(|_| ()).ok_or_else(|| io::Error::other("the payload could not be written"))
    }
}

impl<W> Write for WriteBehind<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE { self.hand_over().map(|()| bytes.len()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        // Pieces in flight are waited for by `end`.
        Ok(())
    }
}

/// Runs `work`, which passes on what it reads of the attachments of `cut` with the expected digest; returns the
/// filters' results, from their own thread if the attachments are `long`. Empty if a filter failed: each filter then
/// reads for itself, and fails where that is a refusal.
pub(in crate::gateway) fn scanning<T>(
    cut: &Cut,
    long: bool,
    work: impl FnOnce(&mut dyn FnMut(Digest, &[u8])) -> T,
) -> (T, ScanResults) {
    if long {
        let mut behind = ScanBehind::new(cut);
        let done = work(&mut |digest, bytes| behind.take(digest, bytes));
        return (done, behind.end());
    }
    let mut looks = Some(ScanSet::at(cut));
    let done = work(&mut |digest, bytes| {
        looks = looks.take().and_then(|mut looks| {
            let taken = catch_unwind(AssertUnwindSafe(|| looks.take(digest, bytes)));
            taken.is_ok().then_some(looks)
        });
    });
    let end = |looks: ScanSet| catch_unwind(AssertUnwindSafe(|| looks.end())).ok();
    (done, looks.and_then(end).unwrap_or_default())
}

/// Runs the filters over attachments in their own thread, while the reader goes on.
struct ScanBehind {
    pieces: SyncSender<(Digest, Vec<u8>)>,
    /// Bytes not yet handed over, and the attachment they belong to.
    piece: Vec<u8>,
    of: Option<Digest>,
    thread: JoinHandle<ScanResults>,
}

impl ScanBehind {
    fn new(cut: &Cut) -> ScanBehind {
        let (pieces, take) = sync_channel::<(Digest, Vec<u8>)>(IN_FLIGHT_MAX);
        let mut looks = ScanSet::at(cut);
        let thread = std::thread::spawn(move || {
            take.into_iter().for_each(|(digest, piece)| looks.take(digest, &piece));
            looks.end()
        });
        ScanBehind { pieces, piece: Vec::with_capacity(PIECE), of: None, thread }
    }

    /// The next bytes of the attachment that has this digest.
    fn take(&mut self, digest: Digest, bytes: &[u8]) {
        if self.of != Some(digest) || self.piece.len() + bytes.len() > PIECE {
            self.hand_over();
            self.of = Some(digest);
        }
        self.piece.extend_from_slice(bytes);
    }

    fn end(mut self) -> ScanResults {
        self.hand_over();
        drop(self.pieces);
        self.thread.join().unwrap_or_default()
    }

    fn hand_over(&mut self) {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        if let (Some(digest), false) = (self.of, piece.is_empty()) {
            // The receiver is gone only if a filter failed, which `end` notices.
            let _ = self.pieces.send((digest, piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::{MemoryContents, copy};

    /// Bytes of which no two pieces are alike.
    fn bytes(length: u64) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8 ^ (n >> 16) as u8).collect()
    }

    #[test]
    fn what_is_read_ahead_is_what_is_there_to_its_last_byte() {
        for length in [0, 1, LONG - 1, LONG, LONG + 1, LONG + PIECE as u64, 3 * LONG + 7] {
            let mut kept = MemoryContents::default();
            let digest = kept.insert(bytes(length));
            let mut content = Ahead(&kept).open(digest).unwrap();
            assert_eq!(copy(&mut content, &mut io::sink()).unwrap(), (length, digest), "{length}");
            assert_eq!(content.read(&mut [0; 8]).unwrap(), 0);
        }
        assert!(Ahead(&MemoryContents::default()).open(Digest::of(b"EXERCISE")).is_err());
    }

    /// Contents that fail, or panic, behind their first pieces.
    struct Failing {
        read: u64,
        panics: bool,
    }

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.read += into.len() as u64;
            match self.read <= 2 * PIECE as u64 {
                true => Ok(into.len()),
                false if self.panics => panic!("EXERCISE"),
                false => Err(io::Error::new(io::ErrorKind::InvalidData, "EXERCISE")),
            }
        }
    }

    impl Seek for Failing {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(LONG)
        }
    }

    #[test]
    fn a_failure_ahead_is_told_and_never_passes_for_an_end() {
        for panics in [false, true] {
            let mut content = ReadAhead::Waiting(Some(Box::new(Failing { read: 0, panics })));
            let mut got = Vec::new();
            let error = content.read_to_end(&mut got).unwrap_err();
            assert_eq!(error.kind() == io::ErrorKind::InvalidData, !panics, "{error}");
            assert!(got.len() <= 2 * PIECE);
        }
    }

    #[test]
    fn refuses_to_go_back_in_what_is_read_ahead() {
        let mut kept = MemoryContents::default();
        let digest = kept.insert(bytes(LONG));
        let mut content = Ahead(&kept).open(digest).unwrap();
        assert_eq!(content.seek(SeekFrom::End(0)).unwrap(), LONG);
        assert_eq!(content.seek(SeekFrom::Start(1)).unwrap(), 1);
        content.read_exact(&mut [0; 16]).unwrap();
        assert!(content.seek(SeekFrom::Start(0)).is_err());
    }
}
