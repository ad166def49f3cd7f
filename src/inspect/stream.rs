//! Detached attachments as the filters read them: line by line, so that a gigabyte costs no more memory than its longest
//! line may.
//!
//! Every pattern that a filter looks for on one line cannot stand across two, and what may stand across lines is looked
//! for in windows of whole lines that overlap by more than it can be long. So the verdict is the one that the whole text
//! at once would get.

use std::io::{self, Read as _};

use super::content::Watch;
use super::marks::{Found, Scanner};
use super::{FINDINGS_MAX, Finding, Reading, text, types};
use crate::product::fold::Folded;
use crate::product::readings::Readings;
use crate::product::{Attachment, Contents, ContentsFault};

/// The longest line that is read, and the longest row of a table.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// How much text is folded and searched at once, at least.
const WINDOW_BYTES: usize = 256 * 1024;
/// Faults reported of one attachment at most; more would only repeat them.
const FAULTS_MAX: usize = 20;

/// A fault of an attachment: its code, and what to do.
pub(super) type Fault = (&'static str, String);

/// Why an attachment could not be read as text to its end.
pub(super) enum Unread {
    Contents(ContentsFault),
    NotText,
    LongLine,
}

impl Unread {
    /// The code and the words, for whichever filter met it.
    pub fn fault(&self) -> Fault {
        match self {
            Unread::Contents(fault) => ("inspect.contents", fault.to_string()),
            Unread::NotText => ("types.text", "an attachment of a text type that is not UTF-8 text".into()),
            Unread::LongLine => {
                ("types.line", format!("a line of more than {LINE_BYTES_MAX} bytes in an attachment: break it"))
            }
        }
    }
}

/// Whether the filters look into an attachment of this type where it is kept beside the text. The others are rewritten,
/// and must stand in it.
pub(super) fn is_read(attachment: &Attachment) -> bool {
    matches!(attachment.media_type(), "text/plain" | "text/csv")
}

/// The block of whole lines that is being filled: one byte longer than the longest line, so that a full one without a
/// line end holds a longer one.
struct Block {
    bytes: Vec<u8>,
    filled: usize,
}

impl Block {
    fn new() -> Block {
        Block { bytes: vec![0; LINE_BYTES_MAX + 1], filled: 0 }
    }

    /// Adds bytes, and gives `each` what is full; false once `each` wants no more.
    fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(&str) -> bool) -> Result<bool, Unread> {
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

    /// So many bytes were put where the block was not filled.
    fn filled_by(&mut self, taken: usize, each: &mut dyn FnMut(&str) -> bool) -> Result<bool, Unread> {
        self.filled += taken;
        if self.filled < self.bytes.len() { Ok(true) } else { self.give(false, each) }
    }

    /// Gives `each` the whole lines there are; all there is, if nothing follows.
    fn give(&mut self, ended: bool, each: &mut dyn FnMut(&str) -> bool) -> Result<bool, Unread> {
        let whole = match self.bytes[..self.filled].iter().rposition(|b| *b == b'\n') {
            _ if ended => self.filled,
            Some(last) => last + 1,
            None => return Err(Unread::LongLine),
        };
        let text = std::str::from_utf8(&self.bytes[..whole]).map_err(|_| Unread::NotText)?;
        let more = text.is_empty() || each(text);
        self.bytes.copy_within(whole..self.filled, 0);
        self.filled -= whole;
        Ok(more)
    }
}

/// Gives an attachment to `each` in blocks of whole lines with their line ends; the last one may have none. Ends early
/// when `each` answers false.
fn blocks(attachment: &Attachment, contents: &dyn Contents, each: &mut dyn FnMut(&str) -> bool) -> Result<(), Unread> {
    let mut content = attachment.open(contents).map_err(Unread::Contents)?;
    let failed = |e: io::Error| Unread::Contents(ContentsFault::of_io(attachment.digest(), &e));
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

/// Gives each line of an attachment to `each`, without its line end, and whether it had one; ends early when `each`
/// answers false.
pub(super) fn lines(
    attachment: &Attachment,
    contents: &dyn Contents,
    each: &mut dyn FnMut(&str, bool) -> bool,
) -> Result<(), Unread> {
    blocks(attachment, contents, &mut |block| {
        block.split_inclusive('\n').all(|line| match line.strip_suffix('\n') {
            Some(line) => each(line, true),
            None => each(line, false),
        })
    })
}

/// Gives windows of whole lines to `each`, folded, in every reading: each begins with lines of the one before that are together at least
/// `overlap` folded bytes long.
pub(super) fn windows(
    attachment: &Attachment,
    contents: &dyn Contents,
    overlap: usize,
    each: &mut dyn FnMut(&Folded),
) -> Result<(), Unread> {
    // Lines are folded once, and kept only as long as something may reach back into them.
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

/// What the filters that look at whole lines, each for itself, have to say of a detached attachment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The type filter.
    pub types: Vec<Fault>,
    /// The text filter.
    pub text: Vec<Finding>,
    /// The filter of marks, before they are held against the attachment's own.
    pub marks: Found,
    /// Why it was not read to its end.
    pub unread: Option<Fault>,
}

/// What was seen of an attachment when it was read; it is read now, if nobody did.
pub(super) fn seen(attachment: &Attachment, reading: Option<&Reading>, contents: &dyn Contents) -> Seen {
    reading.and_then(|r| r.seen.clone()).unwrap_or_else(|| see(attachment, contents))
}

/// Reads a detached attachment once, for every filter that looks at whole lines.
pub(super) fn see(attachment: &Attachment, contents: &dyn Contents) -> Seen {
    let mut look = Look::at(attachment);
    let failed = |e: io::Error| Unread::Contents(ContentsFault::of_io(attachment.digest(), &e));
    let mut read = || {
        let mut content = attachment.open(contents).map_err(Unread::Contents)?;
        let mut piece = vec![0; LINE_BYTES_MAX];
        while look.wants_more() {
            match content.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => look.take(&piece[..read]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(())
    };
    if let Err(unread) = read() {
        look.unread = Some(unread);
    }
    look.end()
}

/// A detached attachment that is looked at as its bytes come.
pub(super) struct Look {
    attachment: Attachment,
    /// Its first bytes.
    head: Vec<u8>,
    block: Block,
    types: Vec<Fault>,
    text: Vec<Finding>,
    lines: text::Lines,
    marks: Scanner,
    content: Watch,
    unread: Option<Unread>,
}

impl Look {
    pub fn at(attachment: &Attachment) -> Look {
        let (head, types, text) = (Vec::new(), Vec::new(), Vec::new());
        let (lines, marks) = (text::Lines::of_attachment(), Scanner::at(attachment));
        let content = Watch::of(attachment.media_type());
        Look {
            attachment: attachment.clone(),
            head,
            block: Block::new(),
            types,
            text,
            lines,
            marks,
            content,
            unread: None,
        }
    }

    /// Whether there is a filter that has not found enough.
    fn wants_more(&self) -> bool {
        let more = self.types.len() < FAULTS_MAX || self.text.len() < FINDINGS_MAX || self.marks.wants_more();
        self.unread.is_none() && more
    }

    /// Looks at the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let head = bytes.len().min(LINE_BYTES_MAX - self.head.len());
        self.head.extend_from_slice(&bytes[..head]);
        if self.wants_more() {
            let mut see = see_block(
                &self.attachment,
                &mut self.types,
                (&mut self.lines, &mut self.text),
                (&mut self.marks, &mut self.content),
            );
            self.unread = self.block.push(bytes, &mut see).err();
        }
    }

    /// What was seen, now that there are no more bytes.
    pub fn end(mut self) -> Seen {
        if self.wants_more() {
            let mut see = see_block(
                &self.attachment,
                &mut self.types,
                (&mut self.lines, &mut self.text),
                (&mut self.marks, &mut self.content),
            );
            self.unread = self.block.give(true, &mut see).err();
        }
        let (types_ended, text_ended) = (self.types.len() >= FAULTS_MAX, self.text.len() >= FINDINGS_MAX);
        let unread = self.unread.as_ref().map(Unread::fault);
        let nothing = self.head.is_empty() && matches!(self.unread, Some(Unread::Contents(_)));
        let (name, media_type) = (self.attachment.name().as_str(), self.attachment.media_type());
        let mut types = if nothing { Vec::new() } else { types::outside(name, media_type, &self.head) };
        if !nothing && !types.iter().any(|(code, _)| *code == "types.unknown") && !is_read(&self.attachment) {
            let message = "a detached attachment of a type that must stand in the text, to be written anew";
            types = vec![("types.detached", message.into())];
        } else if nothing || is_read(&self.attachment) {
            types.extend(self.types);
            types.extend(self.content.end());
            types.extend(unread.clone().filter(|_| !types_ended));
        }
        let text_unread = unread.clone().filter(|_| !text_ended);
        self.text.extend(text_unread.map(|(code, message)| text::finding(code, Some(self.attachment.line()), message)));
        Seen { types, text: self.text, marks: self.marks.end(), unread }
    }
}

/// What each filter sees in a block. Neither knows of the other: they have the reading in common and nothing else.
fn see_block<'a>(
    attachment: &'a Attachment,
    types: &'a mut Vec<Fault>,
    (lines, text): (&'a mut text::Lines, &'a mut Vec<Finding>),
    (marks, content): (&'a mut Scanner, &'a mut Watch),
) -> impl FnMut(&str) -> bool + use<'a> {
    let (media_type, at) = (attachment.media_type(), Some(attachment.line()));
    move |block| {
        let kinds = types::kinds(block);
        if types.len() < FAULTS_MAX {
            types.extend(types::inside_of(media_type, block, kinds));
            let control = kinds & types::CONTROL != 0;
            if control && (block.contains("PK\u{3}\u{4}") || block.contains("PK\u{5}\u{6}")) {
                let message = format!("an attachment declared `{media_type}` with an archive inside");
                types.push(("types.signature", message));
            }
            types.dedup();
        }
        if text.len() < FINDINGS_MAX {
            lines.block(block, kinds, at, text);
        }
        if marks.wants_more() {
            marks.take(block);
        }
        content.take(block);
        types.len() < FAULTS_MAX || text.len() < FINDINGS_MAX || marks.wants_more()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::Register;
    use crate::product::{Bounds, Kept, Product};

    /// An attachment of this content, detached.
    fn detached(name: &str, media_type: &str, content: &[u8]) -> (Attachment, Kept) {
        let mut kept = Kept::default();
        let digest = kept.keep(content);
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE desk\nDate: 2026-11-20\n\
             Kind: report\n\nUNCLASSIFIED\n\n(U) EXERCISE.\n\n(U) ATTACHMENT {name} {media_type} {} {digest}\n",
            content.len()
        );
        let product = Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in()).unwrap();
        (product.detached().next().unwrap().clone(), kept)
    }

    fn codes(faults: Vec<Fault>) -> std::collections::BTreeSet<&'static str> {
        faults.into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn says_of_a_stream_what_it_says_of_the_whole() {
        let long = "EXERCISE, 1\n".repeat(20_000);
        let mut cases: Vec<(&str, &str, Vec<u8>)> = Vec::new();
        for content in [
            "a,b\n1,2\n",
            "a,b\n1\n",
            "a,b\n1,2",
            "a,\n1,2\n",
            "a,b\n\"x\ny\",2\n",
            "a,b\n\"x,2\n",
            "a,b\n1,=2\n",
            "a,b\n1\"2,3\n",
            "a b\n<script>\n",
            "a\tb\n",
            "%PDF-1.7\n",
            "\n\n",
            "PK\u{3}\u{4}",
            "\u{feff}a\n",
        ] {
            cases.push(("e.csv", "text/csv", content.into()));
            cases.push(("e.txt", "text/plain", content.into()));
            cases.push(("e.txt", "text/plain", [long.as_bytes(), content.as_bytes()].concat()));
            cases.push(("e.csv", "text/csv", [long.as_bytes(), content.as_bytes()].concat()));
        }
        cases.push(("e.txt", "text/plain", b"a\xffb\n".to_vec()));
        cases.push(("e.exe.txt", "text/plain", b"a\n".to_vec()));
        cases.push(("e.csv", "text/plain", b"a\n".to_vec()));
        cases.push(("e.doc", "application/msword", b"EXERCISE".to_vec()));
        for (name, media_type, content) in cases {
            let (attachment, kept) = detached(name, media_type, &content);
            let whole = types::examine(name, media_type, &content);
            let streamed = see(&attachment, &kept).types;
            let shown = String::from_utf8_lossy(&content[content.len().saturating_sub(40)..]).into_owned();
            assert_eq!(codes(streamed), codes(whole), "{name} {shown:?}");
        }
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
        // A window is full by what its lines hold without their ends.
        let full = WINDOW_BYTES / 26 * 27;
        let around = |bytes: usize| (bytes - 200..bytes + 200).step_by(27);
        for before in around(WINDOW_BYTES).chain(around(full)).chain([0, 2 * WINDOW_BYTES]) {
            let (before, after) = (filler(before), filler(1000));
            assert!(found(&format!("{before}the COPPER\n\n---\n\nFINCH sang\n{after}")), "{}", before.len());
            assert!(!found(&format!("{before}the COPPER pot, and a FINCH\n{after}")), "{}", before.len());
        }
    }

    #[test]
    fn refuses_what_is_missing_and_lines_without_end() {
        let (attachment, kept) = detached("e.txt", "text/plain", &vec![b'a'; LINE_BYTES_MAX + 1]);
        assert!(codes(see(&attachment, &kept).types).contains("types.line"));
        assert!(codes(see(&attachment, &Kept::default()).types).contains("inspect.contents"));
        for end in ["", "\n", "\nb\n"] {
            let text = [&vec![b'a'; LINE_BYTES_MAX][..], end.as_bytes()].concat();
            let (attachment, kept) = detached("e.txt", "text/plain", &text);
            assert!(see(&attachment, &kept).types.is_empty(), "{end:?}");
        }
        let text = [b"b\n", &vec![b'a'; LINE_BYTES_MAX + 1][..], b"\n"].concat();
        let (attachment, kept) = detached("e.txt", "text/plain", &text);
        assert!(codes(see(&attachment, &kept).types).contains("types.line"));
    }
}
