//! Reads every attachment of a cut once, for all filters: inline ones through the rebuilder, detached ones in one pass
//! over their bytes. That pass can be shared with a caller that reads the bytes for another purpose.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::attachment_text::{AttachmentText, Block, LINE_BYTES_MAX, LineScan, ReadFault, is_read, lines};
use super::content::{self, Sniffer};
use super::filters::{LineChecker, text_finding, types};
use super::finding::{FINDINGS_MAX, Fault, Finding};
use super::marks::Scanner as MarkScanner;
use super::settings::Settings;
use crate::cut::Cut;
use crate::digest::Digest;
use crate::product::{Attachment, Contents, ContentsFault};
use crate::rebuild::{CsvValidator, Fault as RebuildFault, Kind, Task};

/// The most faults reported for one attachment; more would only repeat them.
const FAULTS_MAX: usize = 20;

/// A scan of the detached attachments of a cut, fed with their bytes while they are read.
pub struct ScanSet(Vec<Scanning>);

struct Scanning {
    /// Index of the attachment in the cut, counted from 0.
    place: usize,
    digest: Digest,
    taken: u64,
    scanner: Scanner,
}

/// The scan results of the attachments that were read completely.
#[derive(Clone, Debug, Default)]
pub struct ScanResults(BTreeMap<usize, (Digest, u64, LineScan)>);

impl ScanSet {
    /// Starts a scan of all detached attachments of `cut`.
    pub fn at(cut: &Cut) -> ScanSet {
        let detached = cut.attachments().iter().enumerate().filter(|(_, a)| a.is_detached());
        let scanning =
            |(place, a)| Scanning { place, digest: Attachment::digest(a), taken: 0, scanner: Scanner::at(a) };
        ScanSet(detached.map(scanning).collect())
    }

    /// Scans the next bytes of the attachments with this digest. Several attachments may have the same digest.
    pub fn take(&mut self, digest: Digest, bytes: &[u8]) {
        for scanning in self.0.iter_mut().filter(|scanning| scanning.digest == digest) {
            scanning.taken += bytes.len() as u64;
            scanning.scanner.take(bytes);
        }
    }

    /// Finishes the scan and returns its results.
    pub fn end(self) -> ScanResults {
        let seen = |Scanning { place, digest, taken, scanner }| (place, (digest, taken, scanner.end()));
        ScanResults(self.0.into_iter().map(seen).collect())
    }
}

impl ScanResults {
    /// Removes and returns the result for an attachment, if it was scanned completely.
    fn take(&mut self, place: usize, attachment: &Attachment) -> Option<LineScan> {
        let (digest, taken, seen) = self.0.remove(&place)?;
        (digest == attachment.digest() && taken == attachment.size()).then_some(seen)
    }
}

/// Reads every attachment of `cut`. Results in `scanned` are used instead of a second scan.
pub(super) fn read_all(
    cut: &Cut,
    mut scanned: ScanResults,
    contents: &dyn Contents,
    settings: &Settings,
) -> Vec<AttachmentText> {
    let read = |(n, a): (usize, &Attachment)| match a.inline() {
        Some(bytes) => inline(a.media_type(), bytes, settings),
        None => {
            // If the scan panics there is no result, and every filter that needs one refuses the cut.
            let scan = || catch_unwind(AssertUnwindSafe(|| scan_lines(a, contents))).ok();
            let lines = scanned.take(n, a).or_else(scan);
            AttachmentText { text: None, fault: detached(a, contents), lines }
        }
    };
    cut.attachments().iter().enumerate().map(read).collect()
}

/// Returns what is wrong with the format of a detached attachment. Only plain text and CSV may be detached.
fn detached(attachment: &Attachment, contents: &dyn Contents) -> Option<RebuildFault> {
    match attachment.media_type() {
        "text/plain" => None,
        "text/csv" => {
            let mut table = CsvValidator::default();
            let read = lines(attachment, contents, &mut |line, ended| table.push_line(line, ended));
            match read {
                Ok(()) => table.finish().err(),
                Err(_) => Some(RebuildFault::new("rebuild.unread", "a detached table that cannot be read to its end")),
            }
        }
        _ => Some(RebuildFault::new("rebuild.detached", "a file of this format must be inline, so that it is rebuilt")),
    }
}

fn inline(media_type: &str, bytes: &[u8], settings: &Settings) -> AttachmentText {
    let plain = || std::str::from_utf8(bytes).ok().map(str::to_owned);
    let Some(kind) = Kind::of(media_type) else {
        // Of the types that have no parser, only plain text can be searched; the type filter refuses the others.
        let text = (media_type == "text/plain").then(plain).flatten();
        return AttachmentText { text, fault: None, lines: None };
    };
    match settings.work(Task::Examine, kind, bytes) {
        Ok(seen) if seen.bytes == bytes => AttachmentText { text: Some(seen.text), fault: None, lines: None },
        Ok(_) => AttachmentText {
            text: None,
            fault: Some(RebuildFault::new("filter.lied", "the filter returned other bytes than it was given")),
            lines: None,
        },
        // A file of a text format is searched as it is, even if it is malformed.
        Err(fault) => {
            AttachmentText { text: if kind.is_text() { plain() } else { None }, fault: Some(fault), lines: None }
        }
    }
}

/// Reads a detached attachment once, for every filter that examines whole lines.
fn scan_lines(attachment: &Attachment, contents: &dyn Contents) -> LineScan {
    let mut scanner = Scanner::at(attachment);
    let failed = |e: io::Error| ReadFault::Contents(ContentsFault::of_io(attachment.digest(), &e));
    let mut read = || {
        let mut content = attachment.open(contents).map_err(ReadFault::Contents)?;
        let mut piece = vec![0; LINE_BYTES_MAX];
        while scanner.wants_more() {
            match content.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => scanner.take(&piece[..read]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(())
    };
    if let Err(unread) = read() {
        scanner.unread = Some(unread);
    }
    scanner.end()
}

/// A detached attachment that is scanned while its bytes are read.
struct Scanner {
    attachment: Attachment,
    /// Its first bytes.
    head: Vec<u8>,
    block: Block,
    types: Vec<Fault>,
    text: Vec<Finding>,
    lines: LineChecker,
    marks: MarkScanner,
    content: Sniffer,
    unread: Option<ReadFault>,
}

impl Scanner {
    /// Creates a scanner for a detached attachment.
    pub fn at(attachment: &Attachment) -> Scanner {
        let (head, types, text) = (Vec::new(), Vec::new(), Vec::new());
        let (lines, marks) = (LineChecker::of_attachment(), MarkScanner::at(attachment));
        let content = Sniffer::of(attachment.media_type());
        Scanner {
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

    /// Returns whether any filter has not yet reached its limit of findings.
    fn wants_more(&self) -> bool {
        let more = self.types.len() < FAULTS_MAX || self.text.len() < FINDINGS_MAX || self.marks.wants_more();
        self.unread.is_none() && more
    }

    /// Scans the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let head = bytes.len().min(LINE_BYTES_MAX - self.head.len());
        self.head.extend_from_slice(&bytes[..head]);
        if self.wants_more() {
            let mut check = check_block(
                &self.attachment,
                &mut self.types,
                (&mut self.lines, &mut self.text),
                (&mut self.marks, &mut self.content),
            );
            self.unread = self.block.push(bytes, &mut check).err();
        }
    }

    /// Finishes the scan and returns its results.
    pub fn end(mut self) -> LineScan {
        if self.wants_more() {
            let mut check = check_block(
                &self.attachment,
                &mut self.types,
                (&mut self.lines, &mut self.text),
                (&mut self.marks, &mut self.content),
            );
            self.unread = self.block.give(true, &mut check).err();
        }
        let (types_ended, text_ended) = (self.types.len() >= FAULTS_MAX, self.text.len() >= FINDINGS_MAX);
        let unread = self.unread.as_ref().map(ReadFault::fault);
        let nothing = self.head.is_empty() && matches!(self.unread, Some(ReadFault::Contents(_)));
        let (name, media_type) = (self.attachment.name().as_str(), self.attachment.media_type());
        let mut types = if nothing { Vec::new() } else { types::outside(name, media_type, &self.head) };
        if !nothing && !types.iter().any(|(code, _)| *code == "types.unknown") && !is_read(&self.attachment) {
            let message = "a detached attachment of a type that must be inline, so that it is rebuilt";
            types = vec![("types.detached", message.into())];
        } else if nothing || is_read(&self.attachment) {
            types.extend(self.types);
            types.extend(self.content.end());
            types.extend(unread.clone().filter(|_| !types_ended));
        }
        let text_unread = unread.clone().filter(|_| !text_ended);
        self.text.extend(text_unread.map(|(code, message)| text_finding(code, Some(self.attachment.line()), message)));
        LineScan { types, text: self.text, marks: self.marks.end(), unread }
    }
}

/// Passes a block to each filter. The filters share the bytes and nothing else.
fn check_block<'a>(
    attachment: &'a Attachment,
    types: &'a mut Vec<Fault>,
    (lines, text): (&'a mut LineChecker, &'a mut Vec<Finding>),
    (marks, content): (&'a mut MarkScanner, &'a mut Sniffer),
) -> impl FnMut(&str) -> bool + use<'a> {
    let (media_type, at) = (attachment.media_type(), Some(attachment.line()));
    move |block| {
        let kinds = content::classes(block);
        if types.len() < FAULTS_MAX {
            types.extend(types::inside_of(media_type, block, kinds));
            let control = kinds & content::CONTROL != 0;
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
            let streamed = scan_lines(&attachment, &kept).types;
            let shown = String::from_utf8_lossy(&content[content.len().saturating_sub(40)..]).into_owned();
            assert_eq!(codes(streamed), codes(whole), "{name} {shown:?}");
        }
    }

    #[test]
    fn refuses_what_is_missing_and_lines_without_end() {
        let (attachment, kept) = detached("e.txt", "text/plain", &vec![b'a'; LINE_BYTES_MAX + 1]);
        assert!(codes(scan_lines(&attachment, &kept).types).contains("types.line"));
        assert!(codes(scan_lines(&attachment, &MemoryContents::default()).types).contains("inspect.contents"));
        for end in ["", "\n", "\nb\n"] {
            let text = [&vec![b'a'; LINE_BYTES_MAX][..], end.as_bytes()].concat();
            let (attachment, kept) = detached("e.txt", "text/plain", &text);
            assert!(scan_lines(&attachment, &kept).types.is_empty(), "{end:?}");
        }
        let text = [b"b\n", &vec![b'a'; LINE_BYTES_MAX + 1][..], b"\n"].concat();
        let (attachment, kept) = detached("e.txt", "text/plain", &text);
        assert!(codes(scan_lines(&attachment, &kept).types).contains("types.line"));
    }
}
