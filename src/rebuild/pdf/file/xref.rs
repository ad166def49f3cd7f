//! The cross-reference table (ISO 32000-1, 7.5.4 and 7.5.8): one table or stream, and one end of file. Incremental
//! updates are refused.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::decode;
use super::object::{Dict, Object, Reader, form, is_space};
use crate::rebuild::{Fault, Limits};

/// The location of one object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// At this byte offset of the file.
    At(usize),
    /// Inside the object stream of this object number, at this index.
    Inside(u32, usize),
}

/// A cross-reference table with its trailer.
pub(super) struct Table {
    pub places: BTreeMap<u32, Place>,
    /// The trailer dictionary, or that of the cross-reference stream.
    pub trailer: Dict,
    /// Byte offset of the table, which extends to the end of the file.
    pub begins: usize,
}

impl Table {
    /// Finds and reads the table of `bytes`. Decompressed bytes are charged to `budget`.
    ///
    /// # Errors
    /// A [`Fault`] if it is malformed, too large, or not the only one.
    pub fn read(bytes: &[u8], limits: &Limits, budget: &Cell<usize>) -> Result<Table, Fault> {
        let (begins, tail_at) = tail(bytes)?;
        let mut reader = Reader::new(bytes, begins, limits.depth_max, true);
        let (places, trailer) = if bytes.get(begins).is_some_and(u8::is_ascii_digit) {
            streamed(&mut reader, limits, budget)?
        } else {
            let places = plain(&mut reader, limits)?;
            let Object::Dict(trailer) = reader.object()? else { return Err(form("a PDF without a trailer")) };
            (places, trailer)
        };
        if trailer.contains_key("Prev") || trailer.contains_key("XRefStm") {
            return Err(Fault::new("pdf.update", "a PDF with an earlier version of itself, or with a second table"));
        }
        reader.skip_space();
        if reader.at != tail_at {
            return Err(Fault::new("pdf.remnant", "bytes between the trailer and the end of the file"));
        }
        Ok(Table { places, trailer, begins })
    }
}

/// The longest comment that is skipped, in bytes: one of letters, digits and spaces, and any other. Some tools write
/// their name there. Comments are not copied.
const COMMENT_BYTES_MAX: [usize; 2] = [72, 24];

/// The longest line in which Ghostscript records its command line, in bytes. It is not copied.
const INVOCATION_BYTES_MAX: usize = 1024;

/// Returns the end of the header: the first line, and one short comment that marks the file as binary.
pub(super) fn header(bytes: &[u8]) -> Result<usize, Fault> {
    let version =
        bytes.strip_prefix(b"%PDF-1.").and_then(|rest| rest.first()).is_some_and(|b| (b'0'..=b'7').contains(b));
    if !version && !bytes.starts_with(b"%PDF-2.0") {
        return Err(form("not a PDF, although declared as one, or bytes before its start"));
    }
    let mut at = 8;
    if !bytes.get(at).is_some_and(|b| matches!(b, b'\r' | b'\n' | b' ')) {
        return Err(form("an invalid PDF header"));
    }
    while bytes.get(at).copied().is_some_and(is_space) {
        at += 1;
    }
    if bytes.get(at) == Some(&b'%') {
        let line = bytes[at..].iter().take_while(|b| !matches!(b, b'\r' | b'\n')).count();
        let plain = |b: &u8| b.is_ascii_alphanumeric() || !b.is_ascii() || b" ().-".contains(b);
        let name = bytes[at + 1..at + line].iter().all(plain);
        if line > COMMENT_BYTES_MAX[usize::from(!name)] {
            return Err(Fault::new("pdf.remnant", "a comment that is too long"));
        }
        at += line;
        // Ghostscript records its command line there.
        let rest = bytes[at..].trim_ascii_start();
        let line = rest.iter().take_while(|b| !matches!(b, b'\r' | b'\n')).count();
        let call = rest[..line].starts_with(b"%%Invocation: ") && line <= INVOCATION_BYTES_MAX;
        if call && rest[..line].iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
            at = bytes.len() - rest.len() + line;
        }
    }
    Ok(at)
}

/// Returns the offset of the table, and the offset of the `startxref` keyword.
fn tail(bytes: &[u8]) -> Result<(usize, usize), Fault> {
    let cut = |bytes: &[u8]| bytes.len() - bytes.iter().rev().take_while(|b| is_space(**b)).count();
    let end = cut(bytes);
    let trailing = || Fault::new("pdf.trailing", "data after the end of a PDF, or no end");
    let rest = bytes[..end].strip_suffix(b"%%EOF").ok_or_else(trailing)?;
    let rest = &rest[..cut(rest)];
    let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (head, number) = rest.split_at(rest.len() - digits);
    let table = std::str::from_utf8(number).ok().and_then(|n| n.parse::<usize>().ok()).ok_or_else(trailing)?;
    let head = head[..cut(head)].strip_suffix(b"startxref").ok_or_else(trailing)?;
    if table >= head.len() {
        return Err(form("a PDF whose `startxref` does not point to its cross-reference table"));
    }
    Ok((table, head.len()))
}

/// Reads a plain table: the offsets of all objects in use.
fn plain(reader: &mut Reader<'_>, limits: &Limits) -> Result<BTreeMap<u32, Place>, Fault> {
    let broken = || form("an invalid cross-reference table");
    reader.expect("xref")?;
    let mut places = BTreeMap::new();
    loop {
        match reader.object()? {
            Object::Keyword(word) if word == "trailer" => return Ok(places),
            first => {
                let (first, count) = (first.count().ok_or_else(broken)?, reader.object()?.count().ok_or_else(broken)?);
                bounded(first + count, reader.bytes.len(), limits)?;
                for number in first..first + count {
                    let at = reader.object()?.count().ok_or_else(broken)?;
                    let generation = reader.object()?.count().ok_or_else(broken)?;
                    match reader.object()? {
                        Object::Keyword(word) if word == "f" => {}
                        Object::Keyword(word) if word == "n" => {
                            if generation != 0 || places.insert(number as u32, Place::At(at)).is_some() {
                                return Err(twice());
                            }
                        }
                        _ => return Err(broken()),
                    }
                }
            }
        }
    }
}

/// Number of objects that a table may list whatever the file's length; one more is allowed for each byte of the file.
const OBJECTS_FREE: usize = 1 << 16;

fn bounded(objects: usize, bytes: usize, limits: &Limits) -> Result<(), Fault> {
    if objects > limits.values_max.min(OBJECTS_FREE + bytes) {
        return Err(Fault::new("pdf.size", "too many objects"));
    }
    Ok(())
}

fn twice() -> Fault {
    Fault::new("pdf.update", "an object that was updated or is defined twice")
}

/// Maximum bytes of one field of an entry.
const FIELD_BYTES_MAX: usize = 8;

/// Reads a cross-reference stream; returns its table and its dictionary.
fn streamed(
    reader: &mut Reader<'_>,
    limits: &Limits,
    budget: &Cell<usize>,
) -> Result<(BTreeMap<u32, Place>, Dict), Fault> {
    let broken = || Fault::new("pdf.packed-objects", "an invalid cross-reference stream");
    let begins = reader.at;
    let own = reader.object()?.count().filter(|n| *n < limits.values_max).ok_or_else(broken)? as u32;
    reader.at = begins;
    let (Object::Dict(dict), Some(from)) = framed(reader, own)? else { return Err(broken()) };
    if dict.get("Type").and_then(Object::name) != Some("XRef") {
        return Err(broken());
    }
    let length = dict.get("Length").and_then(Object::count).ok_or_else(broken)?;
    let data = reader.bytes.get(from..from + length).ok_or_else(broken)?;
    reader.at = from + length;
    reader.expect("endstream")?;
    reader.expect("endobj")?;
    let table = decode::decode(&dict, data, &|object| object, budget)?;
    let counts = |key: &str| match dict.get(key) {
        Some(Object::List(list)) => list.iter().map(|o| o.count().ok_or_else(broken)).collect::<Result<Vec<_>, _>>(),
        _ => Err(broken()),
    };
    let widths: [usize; 3] = counts("W")?.try_into().map_err(|_| broken())?;
    if widths[0] > 1 || widths[1] == 0 || widths.iter().any(|w| *w > FIELD_BYTES_MAX) {
        return Err(broken());
    }
    let size = dict.get("Size").and_then(Object::count).ok_or_else(broken)?;
    let sections = if dict.contains_key("Index") { counts("Index")? } else { vec![0, size] };
    let entry: usize = widths.iter().sum();
    let mut entries = table.chunks_exact(entry);
    let mut places = BTreeMap::new();
    for section in sections.chunks(2) {
        let &[first, count] = section else { return Err(broken()) };
        bounded(first + count, reader.bytes.len(), limits)?;
        for number in first..first + count {
            let entry = entries.next().ok_or_else(broken)?;
            let (kind, rest) = entry.split_at(widths[0]);
            let (second, third) = rest.split_at(widths[1]);
            // A field of width zero has its default value (Table 17): an object at an offset, of generation 0.
            let place = match (kind.first().copied().unwrap_or(1), field(second), field(third)) {
                (0, _, _) => continue,
                (1, at, 0) => Place::At(usize::try_from(at).map_err(|_| broken())?),
                (2, stream, index) => Place::Inside(
                    u32::try_from(stream).map_err(|_| broken())?,
                    usize::try_from(index).map_err(|_| broken())?,
                ),
                (1, _, _) => return Err(twice()),
                _ => return Err(broken()),
            };
            if places.insert(number as u32, place).is_some() {
                return Err(twice());
            }
        }
    }
    if entries.next().is_some() || !entries.remainder().is_empty() {
        return Err(Fault::new("pdf.remnant", "a cross-reference table with unused entries"));
    }
    // The stream has been read already, and holds no page content.
    match places.remove(&own) {
        None => {}
        Some(Place::At(at)) if at == begins => {}
        Some(_) => return Err(twice()),
    }
    Ok((places, dict))
}

fn field(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, b| value << 8 | u64::from(*b))
}

/// Reads one object with its `obj` and `endobj`; returns the object, and the offset of its stream data if it is a
/// stream.
pub(super) fn framed(reader: &mut Reader<'_>, number: u32) -> Result<(Object, Option<usize>), Fault> {
    let stated = (reader.object()?, reader.object()?);
    if stated != (Object::Number(f64::from(number)), Object::Number(0.0)) {
        return Err(form("an object that is not at its offset in the cross-reference table"));
    }
    reader.expect("obj")?;
    let object = reader.object()?;
    match reader.object()? {
        Object::Keyword(word) if word == "endobj" => Ok((object, None)),
        Object::Keyword(word) if word == "stream" && matches!(object, Object::Dict(_)) => {
            let rest = &reader.bytes[reader.at..];
            let skip = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
            if skip == 0 {
                return Err(form("a `stream` keyword without a line end after it"));
            }
            Ok((object, Some(reader.at + skip)))
        }
        _ => Err(form("an object without `endobj`")),
    }
}
