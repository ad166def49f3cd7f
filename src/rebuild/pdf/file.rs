//! The file around the objects (ISO 32000-1, 7.5): every byte of it must belong to something, once.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::super::{Fault, Limits};
use super::object::{Dict, Object, Reader, form, is_space};

/// A file whose objects are all read.
pub(super) struct File<'a> {
    objects: BTreeMap<u32, (Object, Option<&'a [u8]>)>,
    trailer: Dict,
    /// What may still be unpacked.
    budget: Cell<usize>,
}

/// Names that make a reader of the file do something, or show or hold something that is no page.
const REFUSED: [(&str, &str, &str); 30] = [
    ("JavaScript", "pdf.active", "a script"),
    ("JS", "pdf.active", "a script"),
    ("OpenAction", "pdf.active", "an action on opening"),
    ("AA", "pdf.active", "an action on an event"),
    ("Launch", "pdf.active", "an action that starts a program"),
    ("SubmitForm", "pdf.active", "an action that sends a form"),
    ("ImportData", "pdf.active", "an action that fetches data"),
    ("GoToR", "pdf.active", "an action that opens another file"),
    ("GoToE", "pdf.active", "an action that opens an embedded file"),
    ("Rendition", "pdf.active", "an action that plays something"),
    ("RichMedia", "pdf.active", "something that plays"),
    ("Movie", "pdf.active", "something that plays"),
    ("Sound", "pdf.active", "something that plays"),
    ("3D", "pdf.active", "something that plays"),
    ("AcroForm", "pdf.form-fields", "a form"),
    ("XFA", "pdf.form-fields", "a form"),
    ("Widget", "pdf.form-fields", "a form"),
    ("EmbeddedFile", "pdf.embedded", "an embedded file"),
    ("EmbeddedFiles", "pdf.embedded", "an embedded file"),
    ("EF", "pdf.embedded", "an embedded file"),
    ("Filespec", "pdf.embedded", "an embedded file"),
    ("FileAttachment", "pdf.embedded", "an embedded file"),
    ("Collection", "pdf.embedded", "a collection of files"),
    ("Encrypt", "pdf.encrypted", "encryption"),
    ("Crypt", "pdf.encrypted", "encryption"),
    ("OCProperties", "pdf.layers", "layers that can be switched off"),
    ("OCG", "pdf.layers", "layers that can be switched off"),
    ("OCMD", "pdf.layers", "layers that can be switched off"),
    ("FontFile", "pdf.font", "an embedded font, of which nobody can say what letters it draws"),
    ("Linearized", "pdf.update", "a second table of its objects"),
];

impl<'a> File<'a> {
    /// Reads every object of the file.
    pub fn read(bytes: &'a [u8], limits: &Limits) -> Result<File<'a>, Fault> {
        let body = header(bytes)?;
        let (table_at, tail_at) = tail(bytes)?;
        let mut table = Reader::new(bytes, table_at, limits.depth_max, true);
        if bytes.get(table_at).is_some_and(u8::is_ascii_digit) {
            return Err(Fault::new("pdf.packed-objects", "objects packed in streams: save it as PDF 1.4"));
        }
        let places = places(&mut table, limits)?;
        let Object::Dict(trailer) = table.object()? else { return Err(form("a PDF without a trailer")) };
        if trailer.contains_key("Prev") || trailer.contains_key("XRefStm") {
            return Err(Fault::new("pdf.update", "a PDF with an earlier version of itself"));
        }
        refused(&Object::Dict(trailer.clone()))?;
        table.space();
        if table.at != tail_at {
            return Err(Fault::new("pdf.remnant", "bytes between the trailer and the end of the file"));
        }
        let mut file = File { objects: BTreeMap::new(), trailer, budget: Cell::new(limits.unpacked_bytes_max) };
        let mut streams = Vec::new();
        let mut extents = vec![(0, body), (table_at, bytes.len())];
        for (number, at) in &places {
            let mut reader = Reader::new(bytes, *at, limits.depth_max, true);
            let (object, stream) = object(&mut reader, *number)?;
            refused(&object)?;
            file.objects.insert(*number, (object, None));
            match stream {
                Some(from) => streams.push((*number, *at, from)),
                None => extents.push((*at, reader.at)),
            }
        }
        // The length of a stream may stand in an object of its own, so streams are measured when all are read.
        for (number, at, from) in streams {
            let length = file.dict(&Object::Ref(number)).and_then(|d| file.at(d, "Length")?.count());
            let data = length.and_then(|length| bytes.get(from..from + length));
            let data = data.ok_or_else(|| form("a stream without its length"))?;
            let mut reader = Reader::new(bytes, from + data.len(), limits.depth_max, true);
            reader.expect("endstream")?;
            reader.expect("endobj")?;
            extents.push((at, reader.at));
            // INVARIANT: the number was inserted above.
            if let Some(entry) = file.objects.get_mut(&number) {
                entry.1 = Some(data);
            }
        }
        covered(bytes, extents)?;
        Ok(file)
    }

    /// The dictionary at the end of the file.
    pub fn trailer(&self) -> &Dict {
        &self.trailer
    }

    /// An object, followed through references.
    pub fn resolve<'f>(&'f self, mut object: &'f Object) -> &'f Object {
        for _ in 0..16 {
            match object {
                Object::Ref(number) => match self.objects.get(number) {
                    Some((found, _)) => object = found,
                    None => return &Object::Null,
                },
                other => return other,
            }
        }
        &Object::Null
    }

    /// The value of a key, followed through references; `None` if it is absent or null.
    pub fn at<'f>(&'f self, dict: &'f Dict, key: &str) -> Option<&'f Object> {
        dict.get(key).map(|o| self.resolve(o)).filter(|o| **o != Object::Null)
    }

    /// A dictionary, that of a stream included.
    pub fn dict<'f>(&'f self, object: &'f Object) -> Option<&'f Dict> {
        match self.resolve(object) {
            Object::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// A stream's dictionary and bytes as they stand.
    pub fn stream<'f>(&'f self, object: &Object) -> Option<(&'f Dict, &'a [u8])> {
        let Object::Ref(number) = object else { return None };
        match self.objects.get(number)? {
            (Object::Dict(dict), Some(data)) => Some((dict, data)),
            (other @ Object::Ref(_), None) => self.stream(other),
            _ => None,
        }
    }

    /// A stream's bytes, unpacked if they are packed in the one way that is read.
    pub fn unpacked(&self, dict: &Dict, data: &[u8]) -> Result<Vec<u8>, Fault> {
        if self.at(dict, "F").is_some() || self.at(dict, "DecodeParms").is_some() {
            return Err(Fault::new("pdf.filter", "a stream that is packed in a way that is not read here"));
        }
        let filter = match self.at(dict, "Filter") {
            None => None,
            Some(Object::List(list)) if list.len() <= 1 => list.first().map(|o| self.resolve(o)),
            Some(other) => Some(other),
        };
        let unpacked = match filter.map(Object::name) {
            None => data.to_vec(),
            Some(Some("FlateDecode" | "Fl")) => {
                miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data, self.budget.get())
                    .map_err(|_| Fault::new("pdf.bomb", "a stream that is damaged or unpacks to more than is read"))?
            }
            Some(_) => {
                return Err(Fault::new("pdf.filter", "a stream that is packed in a way that is not read here"));
            }
        };
        let left = self.budget.get().checked_sub(unpacked.len());
        self.budget.set(left.ok_or_else(|| Fault::new("pdf.bomb", "streams that unpack to more than is read"))?);
        Ok(unpacked)
    }
}

/// The end of the header: the first line, and one comment of a few bytes that marks the file as binary.
fn header(bytes: &[u8]) -> Result<usize, Fault> {
    let version =
        bytes.strip_prefix(b"%PDF-1.").and_then(|rest| rest.first()).is_some_and(|b| (b'0'..=b'7').contains(b));
    if !version {
        return Err(form("no PDF, though it is declared one, or bytes before its beginning"));
    }
    let mut at = 8;
    if !bytes.get(at).is_some_and(|b| matches!(b, b'\r' | b'\n' | b' ')) {
        return Err(form("a first line that is not that of a PDF"));
    }
    while bytes.get(at).copied().is_some_and(is_space) {
        at += 1;
    }
    if bytes.get(at) == Some(&b'%') {
        let line = bytes[at..].iter().take_while(|b| !matches!(b, b'\r' | b'\n')).count();
        if line > 24 {
            return Err(Fault::new("pdf.remnant", "a comment of more than a few bytes"));
        }
        at += line;
    }
    Ok(at)
}

/// Where the table of objects is, and where the words that say so begin.
fn tail(bytes: &[u8]) -> Result<(usize, usize), Fault> {
    let cut = |bytes: &[u8]| bytes.len() - bytes.iter().rev().take_while(|b| is_space(**b)).count();
    let end = cut(bytes);
    let trailing = || Fault::new("pdf.trailing", "something behind the end of a PDF, or no end");
    let rest = bytes[..end].strip_suffix(b"%%EOF").ok_or_else(trailing)?;
    let rest = &rest[..cut(rest)];
    let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (head, number) = rest.split_at(rest.len() - digits);
    let table = std::str::from_utf8(number).ok().and_then(|n| n.parse::<usize>().ok()).ok_or_else(trailing)?;
    let head = head[..cut(head)].strip_suffix(b"startxref").ok_or_else(trailing)?;
    if table >= head.len() {
        return Err(form("a PDF whose table of objects is not where it says"));
    }
    Ok((table, head.len()))
}

/// The table of objects: where each that is in use begins.
fn places(reader: &mut Reader<'_>, limits: &Limits) -> Result<BTreeMap<u32, usize>, Fault> {
    let broken = || form("a table of objects that is not as it must be");
    reader.expect("xref")?;
    let mut places = BTreeMap::new();
    loop {
        match reader.object()? {
            Object::Word(word) if word == "trailer" => return Ok(places),
            first => {
                let (first, count) = (first.count().ok_or_else(broken)?, reader.object()?.count().ok_or_else(broken)?);
                if first + count > limits.values_max {
                    return Err(Fault::new("pdf.size", "more objects than are read"));
                }
                for number in first..first + count {
                    let at = reader.object()?.count().ok_or_else(broken)?;
                    let generation = reader.object()?.count().ok_or_else(broken)?;
                    match reader.object()? {
                        Object::Word(word) if word == "f" => {}
                        Object::Word(word) if word == "n" => {
                            if generation != 0 || places.insert(number as u32, at).is_some() {
                                return Err(Fault::new("pdf.update", "an object that was changed or stands twice"));
                            }
                        }
                        _ => return Err(broken()),
                    }
                }
            }
        }
    }
}

/// One object in its frame, and where its stream begins if it has one.
fn object(reader: &mut Reader<'_>, number: u32) -> Result<(Object, Option<usize>), Fault> {
    let stated = (reader.object()?, reader.object()?);
    if stated != (Object::Number(f64::from(number)), Object::Number(0.0)) {
        return Err(form("an object that is not where the table says"));
    }
    reader.expect("obj")?;
    let object = reader.object()?;
    match reader.object()? {
        Object::Word(word) if word == "endobj" => Ok((object, None)),
        Object::Word(word) if word == "stream" && matches!(object, Object::Dict(_)) => {
            let rest = &reader.bytes[reader.at..];
            let skip = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
            if skip == 0 {
                return Err(form("a stream that does not begin on a line of its own"));
            }
            Ok((object, Some(reader.at + skip)))
        }
        _ => Err(form("an object without its end")),
    }
}

/// Whether every byte belongs to one object, the header or the table.
fn covered(bytes: &[u8], mut extents: Vec<(usize, usize)>) -> Result<(), Fault> {
    extents.sort_unstable();
    for pair in extents.windows(2) {
        let between = bytes.get(pair[0].1..pair[1].0);
        match between {
            Some(gap) if gap.iter().all(|b| is_space(*b)) => {}
            Some(_) => return Err(Fault::new("pdf.remnant", "bytes that belong to no object")),
            None => return Err(Fault::new("pdf.remnant", "bytes that belong to two objects")),
        }
    }
    Ok(())
}

/// Refuses an object that names what is never passed, wherever it stands and whether or not anything refers to it.
fn refused(object: &Object) -> Result<(), Fault> {
    // `FontFile2` and `FontFile3` are embedded fonts as well.
    let judge = |name: &str| match REFUSED.iter().find(|(word, _, _)| *word == name.trim_end_matches(['2', '3'])) {
        Some((_, code, what)) => Err(Fault::new(code, format!("a PDF with {what}"))),
        None => Ok(()),
    };
    match object {
        Object::Name(name) => judge(name),
        Object::List(list) => list.iter().try_for_each(refused),
        Object::Dict(dict) => dict.iter().try_for_each(|(key, value)| {
            judge(key)?;
            refused(value)
        }),
        _ => Ok(()),
    }
}
