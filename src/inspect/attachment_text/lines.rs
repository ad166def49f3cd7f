//! Reads detached attachments line by line, so that a file of a gigabyte needs no more memory than its longest line.
//!
//! The verdict is the same as for the whole text at once: patterns that a filter looks for within a line cannot span
//! two lines, and anything that can span lines is searched in overlapping windows of whole lines, with an overlap
//! longer than the longest pattern.

use std::io::{self, Read as _};

use crate::inspect::finding::Fault;
use crate::product::confusable::{Folded, Readings};
use crate::product::{Attachment, Contents, ContentsFault};

/// The longest line that is accepted, and the longest row of a table, in bytes.
pub(in crate::inspect) const LINE_BYTES_MAX: usize = 64 * 1024;
/// The minimum size of a folded window, in bytes.
const WINDOW_BYTES: usize = 256 * 1024;
/// Why an attachment could not be read to its end as text.
pub(in crate::inspect) enum ReadFault {
    Contents(ContentsFault),
    NotText,
    LongLine,
}

impl ReadFault {
    /// Returns the code and message to report.
    pub fn fault(&self) -> Fault {
        match self {
            ReadFault::Contents(fault) => ("inspect.contents", fault.to_string()),
            ReadFault::NotText => ("types.text", "an attachment of a text type that is not UTF-8 text".into()),
            ReadFault::LongLine => {
                ("types.line", format!("a line of more than {LINE_BYTES_MAX} bytes in an attachment: break it"))
            }
        }
    }
}

/// Returns whether the filters can examine a detached attachment of this type. All other types are rebuilt, and must be
/// inline.
pub(in crate::inspect) fn is_read(attachment: &Attachment) -> bool {
    matches!(attachment.media_type(), "text/plain" | "text/csv")
}

/// A buffer for a block of whole lines. It is one byte larger than the longest line, so that a full buffer without a
/// line end means that the line is too long.
pub(in crate::inspect) struct Block {
    bytes: Vec<u8>,
    filled: usize,
}

impl Block {
    /// Creates an empty buffer.
    pub fn new() -> Block {
        Block { bytes: vec![0; LINE_BYTES_MAX + 1], filled: 0 }
    }

    /// Adds bytes, and passes full blocks to `each`. Returns false once `each` does.
    ///
    /// # Errors
    /// [`ReadFault`] if a line is too long or the bytes are not UTF-8.
    pub fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(&str) -> bool) -> Result<bool, ReadFault> {
        while !bytes.is_empty() {
            let taken = bytes.len().min(self.bytes.len() - self.filled);
            self.bytes[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if !self.filled_by(taken, each)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Accounts for `taken` bytes that were written to the free part of the buffer.
    fn filled_by(&mut self, taken: usize, each: &mut dyn FnMut(&str) -> bool) -> Result<bool, ReadFault> {
        self.filled += taken;
        if self.filled < self.bytes.len() { Ok(true) } else { self.give(false, each) }
    }

    /// Passes the complete lines in the buffer to `each`; everything in it if `ended`.
    ///
    /// # Errors
    /// [`ReadFault`] if a line is too long or the bytes are not UTF-8.
    pub fn give(&mut self, ended: bool, each: &mut dyn FnMut(&str) -> bool) -> Result<bool, ReadFault> {
        let whole = match self.bytes[..self.filled].iter().rposition(|b| *b == b'\n') {
            _ if ended => self.filled,
            Some(last) => last + 1,
            None => return Err(ReadFault::LongLine),
        };
        let text = std::str::from_utf8(&self.bytes[..whole]).map_err(|_| ReadFault::NotText)?;
        let more = text.is_empty() || each(text);
        self.bytes.copy_within(whole..self.filled, 0);
        self.filled -= whole;
        Ok(more)
    }
}

/// Passes an attachment to `each` in blocks of whole lines, including line ends; the last line may have none. Stops
/// when `each` returns false.
fn blocks(
    attachment: &Attachment,
    contents: &dyn Contents,
    each: &mut dyn FnMut(&str) -> bool,
) -> Result<(), ReadFault> {
    let mut content = attachment.open(contents).map_err(ReadFault::Contents)?;
    let failed = |e: io::Error| ReadFault::Contents(ContentsFault::of_io(attachment.digest(), &e));
    let mut block = Block::new();
    loop {
        let read = match content.read(&mut block.bytes[block.filled..]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed)?,
        };
        if read == 0 {
            return block.give(true, each).map(|_| ());
        }
        if !block.filled_by(read, each)? {
            return Ok(());
        }
    }
}

/// Passes each line of an attachment to `each`, without its line end, and whether it had one. Stops when `each` returns
/// false.
///
/// # Errors
/// [`ReadFault`] if the attachment cannot be read, is not UTF-8 or has a line that is too long.
pub(in crate::inspect) fn lines(
    attachment: &Attachment,
    contents: &dyn Contents,
    each: &mut dyn FnMut(&str, bool) -> bool,
) -> Result<(), ReadFault> {
    blocks(attachment, contents, &mut |block| {
        block.split_inclusive('\n').all(|line| match line.strip_suffix('\n') {
            Some(line) => each(line, true),
            None => each(line, false),
        })
    })
}

/// Passes folded windows of whole lines to `each`, in every reading. Each window begins with the last lines of the
/// window before it, at least `overlap` folded bytes of them.
///
/// # Errors
/// As for [`lines`].
pub(in crate::inspect) fn windows(
    attachment: &Attachment,
    contents: &dyn Contents,
    overlap: usize,
    each: &mut dyn FnMut(&Folded),
) -> Result<(), ReadFault> {
    // Lines are folded once, and kept only while a window can still overlap them.
    let (mut window, mut length) = (Readings::default(), 0);
    lines(attachment, contents, &mut |line, _| {
        window.add(line);
        length += line.len();
        if length >= WINDOW_BYTES {
            window.iter().for_each(&mut *each);
            window.keep_last(overlap);
            length = 0;
        }
        true
    })?;
    window.iter().for_each(each);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::Register;
    use crate::product::{Bounds, MemoryContents, Product};

    /// Returns a detached attachment with this content.
    fn detached(name: &str, media_type: &str, content: &[u8]) -> (Attachment, MemoryContents) {
        let mut kept = MemoryContents::default();
        let digest = kept.insert(content);
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE desk\nDate: 2026-11-20\n\
             Kind: report\n\nUNCLASSIFIED\n\n(U) EXERCISE.\n\n(U) ATTACHMENT {name} {media_type} {} {digest}\n",
            content.len()
        );
        let product = Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap();
        (product.detached().next().unwrap().clone(), kept)
    }

    #[test]
    fn lines_come_one_by_one_wherever_a_block_ends() {
        let every = |length: usize| "é".repeat(length % 7) + &"a".repeat(length) + "\n";
        let text: String = (0..3000).map(|n| every(n % 101)).collect::<String>() + "\n\nno end";
        let (attachment, kept) = detached("e.txt", "text/plain", text.as_bytes());
        let mut got = Vec::new();
        let read = lines(&attachment, &kept, &mut |line, ended| {
            got.push((line.to_owned(), ended));
            true
        });
        assert!(read.is_ok() && text.len() > 2 * LINE_BYTES_MAX);
        let wanted: Vec<(String, bool)> = text
            .split_inclusive('\n')
            .map(|line| (line.trim_end_matches('\n').to_owned(), line.ends_with('\n')))
            .collect();
        assert_eq!(got, wanted);
        let mut few = 0;
        let read = lines(&attachment, &kept, &mut |_, _| {
            few += 1;
            few < 3
        });
        assert!(read.is_ok() && few == 3);
    }

    #[test]
    fn finds_what_stands_anywhere_also_across_two_windows() {
        let filler = |bytes: usize| "nothing of note here today\n".repeat(bytes / 27);
        let token = Folded::of("copper finch");
        let found = |text: &str| {
            let (attachment, kept) = detached("e.txt", "text/plain", text.as_bytes());
            let mut found = false;
            let read = windows(&attachment, &kept, token.squeezed().len(), &mut |window| found |= window.holds(&token));
            assert!(read.is_ok());
            found
        };
        // The size of a window is counted without line ends.
        let full = WINDOW_BYTES / 26 * 27;
        let around = |bytes: usize| (bytes - 200..bytes + 200).step_by(27);
        for before in around(WINDOW_BYTES).chain(around(full)).chain([0, 2 * WINDOW_BYTES]) {
            let (before, after) = (filler(before), filler(1000));
            assert!(found(&format!("{before}the COPPER\n\n---\n\nFINCH sang\n{after}")), "{}", before.len());
            assert!(!found(&format!("{before}the COPPER pot, and a FINCH\n{after}")), "{}", before.len());
        }
    }
}
