//! Detached attachments as the filters read them: line by line, so that a gigabyte costs no more memory than its longest
//! line may.
//!
//! Every pattern that a filter looks for on one line cannot stand across two, and what may stand across lines is looked
//! for in windows of whole lines that overlap by more than it can be long. So the verdict is the one that the whole text
//! at once would get.

use std::io::{self, Read as _};

use super::types;
use crate::product::fold::Folded;
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

/// Gives an attachment to `each` in blocks of whole lines with their line ends; the last one may have none. Ends early
/// when `each` answers false.
pub(super) fn blocks(
    attachment: &Attachment,
    contents: &dyn Contents,
    each: &mut dyn FnMut(&str) -> bool,
) -> Result<(), Unread> {
    let mut content = attachment.open(contents).map_err(Unread::Contents)?;
    let failed = |e: io::Error| Unread::Contents(ContentsFault::of_io(attachment.digest(), &e));
    // One byte more than the longest line: a full block without a line end holds a longer one.
    let mut block = vec![0; LINE_BYTES_MAX + 1];
    let mut filled = 0;
    loop {
        let read = match content.read(&mut block[filled..]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed)?,
        };
        filled += read;
        let ended = read == 0;
        if filled < block.len() && !ended {
            continue;
        }
        let whole = match block[..filled].iter().rposition(|b| *b == b'\n') {
            _ if ended => filled,
            Some(last) => last + 1,
            None => return Err(Unread::LongLine),
        };
        let text = std::str::from_utf8(&block[..whole]).map_err(|_| Unread::NotText)?;
        if !text.is_empty() && !each(text) || ended {
            return Ok(());
        }
        block.copy_within(whole..filled, 0);
        filled -= whole;
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

/// Gives windows of whole lines to `each`, folded: each begins with lines of the one before that are together at least
/// `overlap` folded bytes long.
pub(super) fn windows(
    attachment: &Attachment,
    contents: &dyn Contents,
    overlap: usize,
    each: &mut dyn FnMut(&Folded),
) -> Result<(), Unread> {
    let mut window: Vec<String> = Vec::new();
    let mut length = 0;
    lines(attachment, contents, &mut |line, _| {
        // A line without a letter or digit folds to nothing and parts nothing that was not parted already.
        if !line.bytes().any(|b| b.is_ascii_alphanumeric()) && Folded::of(line).is_empty() {
            return true;
        }
        length += line.len();
        window.push(line.to_owned());
        if length >= WINDOW_BYTES {
            each(&fold(&window));
            carry(&mut window, overlap);
            length = 0;
        }
        true
    })?;
    each(&fold(&window));
    Ok(())
}

fn fold(lines: &[String]) -> Folded {
    let mut folded = Folded::default();
    lines.iter().for_each(|line| folded.add(line));
    folded
}

/// Leaves only as many of the last lines as fold to `overlap` bytes.
fn carry(lines: &mut Vec<String>, overlap: usize) {
    let mut kept = 0;
    let from = lines.iter().rposition(|line| {
        kept += Folded::of(line).squeezed().len();
        kept >= overlap
    });
    lines.drain(..from.unwrap_or(0));
}

/// What the type filter has to say of a detached attachment.
pub(super) fn types(attachment: &Attachment, contents: &dyn Contents) -> Vec<Fault> {
    let (name, media_type) = (attachment.name().as_str(), attachment.media_type());
    let mut head = Vec::new();
    let opened = attachment.open(contents).and_then(|content| {
        let read = content.take(LINE_BYTES_MAX as u64).read_to_end(&mut head);
        read.map_err(|e| ContentsFault::of_io(attachment.digest(), &e))
    });
    if let Err(fault) = opened {
        return vec![Unread::Contents(fault).fault()];
    }
    let mut faults = types::outside(name, media_type, &head);
    if faults.iter().any(|(code, _)| *code == "types.unknown") {
        return faults;
    }
    if !is_read(attachment) {
        let message = "a detached attachment of a type that must stand in the text, to be written anew";
        return vec![("types.detached", message.into())];
    }
    let mut inside: Vec<Fault> = Vec::new();
    let read = blocks(attachment, contents, &mut |block| {
        inside.extend(types::inside(media_type, block));
        let control = types::kinds(block) & types::CONTROL != 0;
        if control && (block.contains("PK\u{3}\u{4}") || block.contains("PK\u{5}\u{6}")) {
            inside.push(("types.signature", format!("an attachment declared `{media_type}` with an archive inside")));
        }
        inside.dedup();
        inside.len() < FAULTS_MAX
    });
    faults.extend(inside);
    if let Err(unread) = read {
        faults.push(unread.fault());
    }
    faults
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
            let streamed = types(&attachment, &kept);
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
        for before in (WINDOW_BYTES - 200..WINDOW_BYTES + 200).step_by(27).chain([0, 2 * WINDOW_BYTES]) {
            let (before, after) = (filler(before), filler(1000));
            assert!(found(&format!("{before}the COPPER\n\n---\n\nFINCH sang\n{after}")), "{}", before.len());
            assert!(!found(&format!("{before}the COPPER pot, and a FINCH\n{after}")), "{}", before.len());
        }
    }

    #[test]
    fn refuses_what_is_missing_and_lines_without_end() {
        let (attachment, kept) = detached("e.txt", "text/plain", &vec![b'a'; LINE_BYTES_MAX + 1]);
        assert!(codes(types(&attachment, &kept)).contains("types.line"));
        assert!(codes(types(&attachment, &Kept::default())).contains("inspect.contents"));
        for end in ["", "\n", "\nb\n"] {
            let text = [&vec![b'a'; LINE_BYTES_MAX][..], end.as_bytes()].concat();
            let (attachment, kept) = detached("e.txt", "text/plain", &text);
            assert!(types(&attachment, &kept).is_empty(), "{end:?}");
        }
        let text = [b"b\n", &vec![b'a'; LINE_BYTES_MAX + 1][..], b"\n"].concat();
        let (attachment, kept) = detached("e.txt", "text/plain", &text);
        assert!(codes(types(&attachment, &kept)).contains("types.line"));
    }
}
