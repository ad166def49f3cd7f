//! A product in a ZIP archive: `product.txt`, and its attachments under `attachments/`.
//!
//! It refuses every archive that two programs could read differently, or that is more than it seems: bytes before,
//! between or behind the entries, two descriptions of one entry that differ, encryption, links, names that lead
//! elsewhere, contents of another length than stated, and compression beyond all measure. Nothing is ever unpacked to
//! a name that stands in the archive.

mod records;
mod inflate;

use std::collections::BTreeMap;
use std::io::{self, Read};

use inflate::EntryReader;
use records::{Entry, Source, refuse};

use super::Package;
use super::fault::{PackageCode, PackageFault};
use super::layout::{ATTACHMENTS, Paths, Place, TEXT};
use crate::product::attachment::FileName;
use crate::product::package::read_bounded;

/// The most entries of an archive: more than any product has attachments.
const ENTRIES_MAX: u64 = 1024;
/// The highest compression ratio of an entry larger than [`RATIO_FREE`].
const RATIO_MAX: u64 = 200;
/// Entries up to this size, in bytes, may have any ratio.
const RATIO_FREE: u64 = 1 << 20;

/// An archive whose directory was read and whose entries are all valid. Their contents are not read yet.
pub struct Zip {
    source: Source,
    text: Option<Placed>,
    files: BTreeMap<FileName, Placed>,
}

/// An entry, and where its data is.
#[derive(Clone)]
struct Placed {
    entry: Entry,
    data: u64,
}

impl Zip {
    /// Reads the directory of an archive and holds every entry against it.
    ///
    /// # Errors
    /// The first fault of its form, or every fault of its names.
    pub fn open(mut source: Source) -> Result<Zip, Vec<PackageFault>> {
        let entries = directory(&mut source).map_err(|fault| vec![fault])?;
        let mut faults = Vec::new();
        let (mut text, mut files) = (None, BTreeMap::new());
        let mut paths = Paths::default();
        for (number, placed) in entries.into_iter().enumerate() {
            let place = place(number);
            let name = String::from_utf8(placed.entry.name.clone()).unwrap_or_default();
            let at = Place::of(&name);
            if !paths.add(&name) {
                faults.push(PackageFault::at(PackageCode::Twice, &place, Paths::REPEATED));
            } else if let Err(fault) = is_plain(&placed.entry, at == Some(Place::Attachments), &place) {
                faults.push(fault);
            } else {
                match at {
                    Some(Place::Text) => text = Some(placed),
                    Some(Place::Attachments) => {}
                    Some(Place::Attachment(file)) => {
                        files.insert(file, placed);
                    }
                    None => {
                        let message = "has a name that no file of a product may have";
                        faults.push(PackageFault::at(PackageCode::Name, &place, message));
                    }
                }
            }
        }
        if text.is_none() && faults.is_empty() {
            faults.push(PackageFault::at(PackageCode::Text, format!("`{TEXT}`"), "is not in the archive"));
        }
        if faults.is_empty() { Ok(Zip { source, text, files }) } else { Err(faults) }
    }

    fn entry(
        &mut self,
        placed: &Placed,
        place: &str,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault> {
        let Entry { method, packed, size, crc, .. } = placed.entry;
        let mut reader = EntryReader::new(&mut self.source, placed.data, packed, size, method == 8, crc)
            .map_err(|e| records::unreadable(&e))?;
        let given = read(&mut reader);
        // Whoever read need not have come to the end, and what is wrong may only show there.
        let drained = given.and_then(|()| io::copy(&mut reader, &mut io::sink()).map(|_| ()));
        match (reader.fault(), drained) {
            (Some(message), _) => refuse(PackageCode::ZipContent, place, message),
            (None, Err(e)) => refuse(PackageCode::Unreadable, place, &format!("cannot be read: {e}")),
            (None, Ok(())) => Ok(()),
        }
    }
}

/// How an entry is called before its name is known to be valid.
fn place(number: usize) -> String {
    format!("entry {}", number + 1)
}

/// Every entry in the order of the central directory, each held against its local header; together they must fill the
/// archive from its first byte to its directory.
fn directory(source: &mut Source) -> Result<Vec<Placed>, PackageFault> {
    let end = records::end(source)?;
    if end.entries > ENTRIES_MAX {
        let message = format!("has {} entries; the limit is {ENTRIES_MAX}", end.entries);
        return refuse(PackageCode::Count, "the archive", &message);
    }
    let mut at = end.at;
    let mut entries = Vec::new();
    for number in 0..end.entries {
        let place = place(entries.len());
        if at >= end.at + end.size {
            return refuse(PackageCode::ZipForm, &place, &format!("is not in the directory of {} entries", number));
        }
        let (entry, next) = records::central(source, at, &place)?;
        at = next;
        if entry.size > RATIO_FREE && entry.size / RATIO_MAX > entry.packed {
            return refuse(PackageCode::ZipRatio, &place, "has a compression ratio above 200");
        }
        entries.push(entry);
    }
    if at != end.at + end.size {
        return refuse(PackageCode::ZipForm, "the central directory", "holds more than its entries");
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|n| entries[*n].at);
    let mut data_at = vec![0; entries.len()];
    for (position, number) in order.iter().enumerate() {
        let (entry, place) = (&entries[*number], place(*number));
        let next = order.get(position + 1).map_or(end.at, |n| entries[*n].at);
        if position == 0 && entry.at != 0 {
            return refuse(PackageCode::ZipLayout, "the archive", "begins with bytes that belong to no entry");
        }
        let data = records::local(source, entry, &place)?;
        let behind = data.checked_add(entry.packed).filter(|behind| *behind <= next);
        let Some(behind) = behind else {
            return refuse(PackageCode::ZipLayout, &place, "reaches into what follows it");
        };
        records::descriptor(source, entry, behind, next - behind, &place)?;
        data_at[*number] = data;
    }
    if entries.is_empty() && end.at != 0 {
        return refuse(PackageCode::ZipLayout, "the archive", "begins with bytes that belong to no entry");
    }
    Ok(entries.into_iter().zip(data_at).map(|(entry, data)| Placed { entry, data }).collect())
}

/// Whether an entry is a plain file, or the one folder, by every word the archive has for that.
fn is_plain(entry: &Entry, folder: bool, place: &str) -> Result<(), PackageFault> {
    const KIND: u32 = 0o170_000;
    let by_mode = match entry.mode.map(|mode| mode & KIND) {
        None | Some(0) => true,
        Some(0o040_000) => folder,
        Some(0o100_000) => !folder,
        Some(_) => false,
    };
    // Bit 4 is a folder, bit 3 a volume's label.
    let by_dos = entry.dos & 0x08 == 0 && (folder || entry.dos & 0x10 == 0);
    let holds_nothing = entry.size == 0 && entry.packed == 0 && entry.crc == 0;
    if !by_mode || !by_dos {
        return refuse(PackageCode::Kind, place, "is not a plain file");
    }
    if folder && !holds_nothing {
        return refuse(PackageCode::ZipDisagrees, place, "is a folder with content");
    }
    if entry.method == 0 && entry.packed != entry.size {
        return refuse(PackageCode::ZipDisagrees, place, "is stored and states two lengths");
    }
    Ok(())
}

impl Package for Zip {
    fn text(&mut self, bytes_max: usize) -> Result<Vec<u8>, Vec<PackageFault>> {
        // INVARIANT: `open` refuses an archive without a text.
        let placed = self.text.clone().expect("a package has a text");
        let limit = (bytes_max as u64).saturating_add(1);
        let mut bytes = Vec::new();
        if placed.entry.size > limit {
            // Too long is for the product's reader to say; it needs no more than one byte too many.
            let mut piece = |reader: &mut dyn Read| read_bounded(reader, bytes_max).map(|read| bytes = read);
            let read = self.entry_beginning(&placed, &mut piece);
            return read.map(|()| bytes).map_err(|fault| vec![fault]);
        }
        let read = self.entry(&placed, &format!("`{TEXT}`"), &mut |reader| {
            read_bounded(reader, bytes_max.saturating_add(1)).map(|read| bytes = read)
        });
        read.map(|()| bytes).map_err(|fault| vec![fault])
    }

    fn names(&self) -> Vec<FileName> {
        self.files.keys().cloned().collect()
    }

    fn read(
        &mut self,
        name: &FileName,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault> {
        let missing = || PackageFault::named(PackageCode::Missing, name, "is not in the archive");
        let placed = self.files.get(name).cloned().ok_or_else(missing)?;
        self.entry(&placed, &format!("`{ATTACHMENTS}/{name}`"), read)
    }
}

impl Zip {
    /// As [`Zip::entry`], for a part that is refused whatever follows it.
    fn entry_beginning(
        &mut self,
        placed: &Placed,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), PackageFault> {
        let Entry { method, packed, size, crc, .. } = placed.entry;
        let reader = EntryReader::new(&mut self.source, placed.data, packed, size, method == 8, crc);
        let mut reader = reader.map_err(|e| records::unreadable(&e))?;
        read(&mut reader).map_err(|e| records::unreadable(&e))
    }
}
