//! The structure of a PDF file (ISO 32000-1, 7.5).
//!
//! The input is bytes, the output is the objects in them. Every byte must belong to exactly one object or to the file
//! structure; anything else is refused.

pub(super) mod object;
pub(super) mod forbidden;
mod decode;
mod xref;

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::rebuild::{Fault, Limits};

use object::{Dict, Object, Reader, form, is_space};
use xref::{Place, Table, framed, header};

/// A file, with all its objects.
pub(super) struct File<'a> {
    objects: BTreeMap<u32, (Object, Option<&'a [u8]>)>,
    trailer: Dict,
    /// Remaining budget of decompressed bytes.
    budget: Cell<usize>,
    /// Remaining budget of values, for all objects.
    values: Cell<usize>,
    /// Remaining budget of samples, for all images.
    samples: Cell<u64>,
    length: usize,
}

/// Number of values that the objects of a file may have whatever its length; one more is allowed for each byte of the
/// file.
const VALUES_FREE: usize = 1 << 16;

impl<'a> File<'a> {
    /// Reads every object of the file.
    ///
    /// # Errors
    /// A [`Fault`] if any part of the file is malformed, forbidden or unused, or exceeds `limits`.
    pub fn read(bytes: &'a [u8], limits: &Limits) -> Result<File<'a>, Fault> {
        let body = header(bytes)?;
        // The budgets depend on the file's length, so that a short file costs little to decompress, store and draw.
        let samples = Cell::new(crate::rebuild::raster::samples_max(bytes.len(), limits));
        let budget = Cell::new(usize::try_from(samples.get()).unwrap_or(usize::MAX));
        let values = Cell::new((VALUES_FREE + bytes.len()).min(limits.values_max));
        let Table { places, trailer, begins } = Table::read(bytes, limits, &budget)?;
        forbidden::check(&Object::Dict(trailer.clone()), limits.pdf_fonts)?;
        let mut file = File { objects: BTreeMap::new(), trailer, budget, values, samples, length: bytes.len() };
        let mut streams = Vec::new();
        let mut extents = vec![(0, body), (begins, bytes.len())];
        for (number, place) in &places {
            let Place::At(at) = place else { continue };
            let mut reader = Reader::new(bytes, *at, limits.depth_max, true);
            let (object, stream) = framed(&mut reader, *number)?;
            decode::charge_values(&file.values, reader.values)?;
            forbidden::check(&object, limits.pdf_fonts)?;
            file.objects.insert(*number, (object, None));
            match stream {
                Some(from) => streams.push((*number, *at, from)),
                None => extents.push((*at, reader.at)),
            }
        }
        // The length of a stream may be an indirect object, so stream extents are determined after all objects are
        // read: first those of object streams, whose lengths must not be in an object stream.
        let holds = |file: &File<'_>, number: u32| {
            file.dict(&Object::Ref(number)).is_some_and(|d| file.at(d, "Type").and_then(Object::name) == Some("ObjStm"))
        };
        let (packed, streams): (Vec<_>, Vec<_>) = streams.into_iter().partition(|(number, ..)| holds(&file, *number));
        for (number, at, from) in packed {
            extents.push((at, file.measure(bytes, number, from, limits)?));
            file.expand_object_stream(number, &places, limits)?;
        }
        for (number, at, from) in streams {
            extents.push((at, file.measure(bytes, number, from, limits)?));
        }
        if places.keys().any(|number| !file.objects.contains_key(number)) {
            return Err(Fault::new(
                "pdf.packed-objects",
                "an object that is not at its offset in the cross-reference table",
            ));
        }
        covered(bytes, extents)?;
        Ok(file)
    }

    /// Determines the bytes of a stream that begins at `from`, and returns the end of its object.
    fn measure(&mut self, bytes: &'a [u8], number: u32, from: usize, limits: &Limits) -> Result<usize, Fault> {
        let length = self.dict(&Object::Ref(number)).and_then(|d| self.at(d, "Length")?.count());
        let data = length.and_then(|length| bytes.get(from..from + length));
        let data = data.ok_or_else(|| form("a stream without its length"))?;
        let mut reader = Reader::new(bytes, from + data.len(), limits.depth_max, true);
        reader.expect("endstream")?;
        reader.expect("endobj")?;
        // INVARIANT: a stream's object is inserted before its extent is determined.
        if let Some(entry) = self.objects.get_mut(&number) {
            entry.1 = Some(data);
        }
        Ok(reader.at)
    }

    /// Extracts the objects of an object stream: exactly those that the cross-reference table lists in it, each at its
    /// index.
    fn expand_object_stream(
        &mut self,
        stream: u32,
        places: &BTreeMap<u32, Place>,
        limits: &Limits,
    ) -> Result<(), Fault> {
        let (head, data) = self.stream(&Object::Ref(stream)).ok_or_else(|| form("a stream without its length"))?;
        let bytes = self.decoded(head, data)?;
        for (index, (number, object)) in
            decode::objects(head, &bytes, limits.depth_max, &self.values)?.into_iter().enumerate()
        {
            if places.get(&number) != Some(&Place::Inside(stream, index)) {
                return Err(Fault::new(
                    "pdf.remnant",
                    "an object of an object stream that is missing from the cross-reference table",
                ));
            }
            forbidden::check(&object, limits.pdf_fonts)?;
            self.objects.insert(number, (object, None));
        }
        Ok(())
    }

    /// Returns the trailer dictionary.
    pub fn trailer(&self) -> &Dict {
        &self.trailer
    }

    /// Resolves references until the object is direct.
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

    /// Returns the value of a key, resolved; `None` if it is absent or null.
    pub fn at<'f>(&'f self, dict: &'f Dict, key: &str) -> Option<&'f Object> {
        dict.get(key).map(|o| self.resolve(o)).filter(|o| **o != Object::Null)
    }

    /// Returns a dictionary, or the dictionary of a stream.
    pub fn dict<'f>(&'f self, object: &'f Object) -> Option<&'f Dict> {
        match self.resolve(object) {
            Object::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// Returns the dictionary of a stream and its encoded bytes.
    pub fn stream<'f>(&'f self, object: &Object) -> Option<(&'f Dict, &'a [u8])> {
        let Object::Ref(number) = object else { return None };
        match self.objects.get(number)? {
            (Object::Dict(dict), Some(data)) => Some((dict, data)),
            (other @ Object::Ref(_), None) => self.stream(other),
            _ => None,
        }
    }

    /// Deducts the samples of an image from the budget for all images of this file; the caller counts each image once.
    ///
    /// # Errors
    /// `image.size` if the budget is exhausted.
    pub fn charge_samples(&self, samples: u64) -> Result<(), Fault> {
        let left = self.samples.get().checked_sub(samples).ok_or_else(|| {
            let length = self.length;
            let message = format!(
                "images with more samples in all than a file of {length} bytes may have: lower their resolution"
            );
            Fault::new("image.size", message)
        })?;
        self.samples.set(left);
        Ok(())
    }

    /// Returns the decoded bytes of a stream.
    ///
    /// # Errors
    /// `pdf.filter` for an unsupported filter, `pdf.bomb` for damaged data or too much output.
    pub fn decoded(&self, dict: &Dict, data: &[u8]) -> Result<Vec<u8>, Fault> {
        decode::decode(dict, data, &|object| self.resolve(object), &self.budget)
    }
}

/// Checks that every byte belongs to exactly one object, the header or the table.
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
