//! Opening a payload: first its text, then the attachments that the text names.

use std::collections::BTreeMap;
use std::io::{self, Read};

use zeroize::Zeroizing;

use super::detached_header::{Joined, is_whole};
use super::padding::{LENGTH_BYTES, TEXT_AT, frame_length, laid_out};
use super::preamble::{PREAMBLE_BYTES, read_preamble};
use super::stream::Window;
use crate::cut::Cut;
use crate::digest::Digest;
use crate::envelope::{Binding, Bound, Header, OpeningProof};
use crate::product::{Contents, ContentsFault, ReadSeek, Shown, Side, copy};
use crate::seal::payload_key::{OpenFault, Opener};

/// The decrypted content of a payload, as a stream.
pub type Frame<'a> = Box<dyn ReadSeek + Send + 'a>;

/// An opened payload of which only the text has been read.
pub struct Opened<'a> {
    frame: Frame<'a>,
    text: Vec<u8>,
    binding: Binding,
}

/// Opens a sealed payload with its header, up to the end of its text, which may be at most `text_bytes_max` bytes long. It
/// must have been sealed for the exchange `expected`.
///
/// # Errors
/// [`OpenFault`] says what was refused; nothing of the content is returned then.
pub fn open<'a>(
    opener: &dyn Opener,
    header: &Header,
    sealed: impl ReadSeek + Send + 'a,
    text_bytes_max: usize,
    expected: &Bound,
) -> Result<Opened<'a>, OpenFault> {
    let mut frame = content(opener, header, sealed)?;
    let short = |e: io::Error| match OpenFault::of_io(&e) {
        // A frame that ends within its preamble, length or text is malformed.
        OpenFault::Closed if e.kind() == io::ErrorKind::UnexpectedEof => OpenFault::Frame,
        other => other,
    };
    let mut preamble = Zeroizing::new([0; PREAMBLE_BYTES]);
    frame.read_exact(&mut *preamble).map_err(short)?;
    let binding = read_preamble(&preamble).ok_or(OpenFault::Frame)?;
    if binding.bound != *expected {
        return Err(OpenFault::Bound(Box::new(binding.bound)));
    }
    let mut length = [0; LENGTH_BYTES];
    frame.read_exact(&mut length).map_err(short)?;
    let length = u64::from_be_bytes(length);
    let length = usize::try_from(length).ok().filter(|n| *n <= text_bytes_max);
    let length = length.ok_or(OpenFault::TooLarge(text_bytes_max))?;
    let mut text = Vec::new();
    (&mut frame).take(length as u64).read_to_end(&mut text).map_err(short)?;
    if text.len() != length {
        return Err(OpenFault::Frame);
    }
    Ok(Opened { frame, text, binding })
}

/// Decrypts a payload with a detached header.
fn content<'a>(
    opener: &dyn Opener,
    header: &Header,
    sealed: impl ReadSeek + Send + 'a,
) -> Result<Frame<'a>, OpenFault> {
    if !is_whole(header) {
        return Err(OpenFault::Header);
    }
    let together = Joined::new(header, sealed).map_err(|e| OpenFault::Read(e.to_string()))?;
    opener.open(Box::new(together))
}

impl<'a> Opened<'a> {
    /// Wraps the stream of the rest of the payload, for example in a read-ahead.
    #[must_use]
    pub fn through(self, how: impl FnOnce(Frame<'a>) -> Frame<'a>) -> Opened<'a> {
        Opened { frame: how(self.frame), ..self }
    }

    /// The text. What follows it has not been checked yet.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The proof that the payload was opened, which only its recipient can produce.
    pub fn proof(&self) -> OpeningProof {
        self.binding.proof(Digest::of(&self.text))
    }

    /// Reads the rest of the payload, whose text was parsed as `cut`: each attachment must have the digest that the cut names,
    /// and only padding may follow. Returns the position of each attachment.
    ///
    /// # Errors
    /// [`OpenFault::Attachment`], [`OpenFault::Frame`], or [`OpenFault::Closed`] if a piece was altered.
    pub fn check(self, cut: &Cut) -> Result<Layout, OpenFault> {
        self.check_while(cut, &mut |_, _| ())
    }

    /// Like [`Opened::check`], and passes the bytes of every attachment to `each` as they are read, with its digest. They are not
    /// verified until this returns successfully.
    ///
    /// # Errors
    /// As [`Opened::check`].
    pub fn check_while(mut self, cut: &Cut, each: &mut dyn FnMut(Digest, &[u8])) -> Result<Layout, OpenFault> {
        if self.text != cut.bytes() {
            return Err(OpenFault::Frame);
        }
        let (frame, content) = frame_length(cut).ok_or(OpenFault::Frame)?;
        let mut places = BTreeMap::new();
        let mut at = TEXT_AT as u64 + self.text.len() as u64;
        for attachment in laid_out(cut) {
            let mut bytes = (&mut self.frame).take(attachment.size());
            let mut shown = Shown { digest: attachment.digest(), each: &mut *each };
            let copied = copy(&mut bytes, &mut shown).map_err(|(Side::Read | Side::Write, e)| OpenFault::of_io(&e))?;
            if copied != (attachment.size(), attachment.digest()) {
                return Err(OpenFault::Attachment(attachment.digest()));
            }
            places.insert(attachment.digest(), Place { at, size: attachment.size() });
            at += attachment.size();
        }
        if padding(&mut self.frame)? != frame - content {
            return Err(OpenFault::Frame);
        }
        Ok(Layout(places))
    }
}

/// Reads to the end and returns the number of bytes, all of which must be zero.
fn padding(frame: &mut dyn Read) -> Result<u64, OpenFault> {
    // There is usually little of it.
    let mut chunk = [0; 4096];
    let mut length = 0;
    loop {
        match frame.read(&mut chunk) {
            Ok(0) => return Ok(length),
            Ok(read) if chunk[..read].iter().all(|b| *b == 0) => length += read as u64,
            Ok(_) => return Err(OpenFault::Frame),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(OpenFault::of_io(&e)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    at: u64,
    size: u64,
}

/// The positions of the attachments in a fully checked payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(BTreeMap<Digest, Place>);

/// The attachments of a checked payload, decrypted piece by piece from the sealed file.
pub struct SealedContents<'a, F> {
    opener: &'a dyn Opener,
    header: &'a Header,
    sealed: F,
    layout: Layout,
}

impl<'a, F, R> SealedContents<'a, F>
where
    F: Fn() -> R + Send + Sync,
    R: ReadSeek + Send + 'static,
{
    /// Creates access to the attachments of the payload that `layout` describes. `sealed` returns a new reader of that payload on
    /// every call.
    pub fn new(opener: &'a dyn Opener, header: &'a Header, layout: Layout, sealed: F) -> SealedContents<'a, F> {
        SealedContents { opener, header, sealed, layout }
    }
}

impl<F, R> Contents for SealedContents<'_, F>
where
    F: Fn() -> R + Send + Sync,
    R: ReadSeek + Send + 'static,
{
    fn open(&self, digest: Digest) -> Result<Box<dyn ReadSeek + Send>, ContentsFault> {
        let Place { at, size } = *self.layout.0.get(&digest).ok_or(ContentsFault::Missing(digest))?;
        let frame = content(self.opener, self.header, (self.sealed)()).map_err(|_| ContentsFault::Damaged(digest))?;
        Ok(Box::new(Window::new(frame, at, size).map_err(|e| ContentsFault::of_io(digest, &e))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one answer for each read.
    struct Answers(Vec<io::Result<Vec<u8>>>);

    impl Read for Answers {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let bytes = if self.0.is_empty() { return Ok(0) } else { self.0.remove(0)? };
            into[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    #[test]
    fn padding_is_zeros_to_the_end_and_an_interruption_is_no_end() {
        let error = |kind: io::ErrorKind| Err(io::Error::from(kind));
        let interrupted = vec![Ok(vec![0; 3]), error(io::ErrorKind::Interrupted), Ok(vec![0; 4])];
        assert!(matches!(padding(&mut Answers(interrupted)), Ok(7)));
        assert!(matches!(padding(&mut Answers(vec![])), Ok(0)));
        assert!(padding(&mut Answers(vec![Ok(vec![0, 0, 1])])).is_err());
        assert!(padding(&mut Answers(vec![Ok(vec![0; 3]), error(io::ErrorKind::InvalidData)])).is_err());
    }
}
