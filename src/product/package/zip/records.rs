//! The records of a ZIP archive (PKWARE APPNOTE 6.3.10, section 4.3) as they stand in the file. Read whole, or refused.

use std::io::{self, Read, SeekFrom};

use crate::product::contents::ReadSeek;
use crate::product::package::fault::{PackageCode, PackageFault};

pub(super) type Source = Box<dyn ReadSeek + Send>;

/// The longest name or extra field that is read; a sound name has at most 92 bytes.
const NAME_BYTES_MAX: u16 = 1024;
const CENTRAL: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const FULL_16: u16 = u16::MAX;
const FULL_32: u32 = u32::MAX;

/// Bit 3: the sizes and the checksum stand behind the data.
const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Bits 0, 6 and 13: the data, or the directory itself, is encrypted.
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Bits 1 and 2 say how hard was compressed, bit 11 that names are UTF-8; none of them changes what is read.
const FLAGS_KNOWN: u16 = FLAGS_ENCRYPTED | FLAG_DESCRIPTOR | 1 << 1 | 1 << 2 | 1 << 11;

/// Where the central directory is, and how many entries it has.
pub(super) struct End {
    pub entries: u64,
    pub at: u64,
    pub size: u64,
}

/// One entry as the central directory describes it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub flags: u16,
    pub method: u16,
    pub stamp: u32,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    pub name: Vec<u8>,
    pub at: u64,
    /// The file's mode, where the archive was made on a system that has one.
    pub mode: Option<u32>,
    /// The attributes of DOS.
    pub dos: u8,
}

pub(super) fn refuse<T>(code: PackageCode, place: &str, message: &str) -> Result<T, PackageFault> {
    Err(PackageFault::at(code, place, message))
}

pub(super) fn unreadable(error: &io::Error) -> PackageFault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PackageFault::at(PackageCode::ZipForm, "the archive", "is truncated"),
        _ => PackageFault::at(PackageCode::Unreadable, "the archive", format!("cannot be read: {error}")),
    }
}

/// A cursor over the little-endian fields of one record.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let (now, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        // INVARIANT: every record is read with its full length before its fields are.
        now.try_into().expect("a record has its length")
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}

fn record<const N: usize>(source: &mut Source, at: u64) -> Result<[u8; N], PackageFault> {
    let mut bytes = [0; N];
    source.seek(SeekFrom::Start(at)).and_then(|_| source.read_exact(&mut bytes)).map_err(|e| unreadable(&e))?;
    Ok(bytes)
}

/// Reads the end of the archive, which must be its last bytes: an archive with a comment or anything else behind it has
/// two ends, and readers differ about which one counts.
pub(super) fn end(source: &mut Source) -> Result<End, PackageFault> {
    const WHERE: &str = "the end of the archive";
    let length = source.seek(SeekFrom::End(0)).map_err(|e| unreadable(&e))?;
    let Some(end_at) = length.checked_sub(22) else {
        return refuse(PackageCode::ZipForm, "the archive", "is too short to be an archive");
    };
    let bytes: [u8; 22] = record(source, end_at)?;
    let mut f = Fields(&bytes);
    if f.u32() != END {
        return refuse(
            PackageCode::ZipForm,
            WHERE,
            "is not its last 22 bytes: something follows it, or it is not there",
        );
    }
    let (disk, disk_of_directory) = (f.u16(), f.u16());
    let (here, entries) = (f.u16(), f.u16());
    let (size, at) = (f.u32(), f.u32());
    if f.u16() != 0 {
        return refuse(PackageCode::ZipForm, WHERE, "has a comment");
    }
    if disk != 0 || disk_of_directory != 0 || here != entries {
        return refuse(PackageCode::ZipForm, WHERE, "spans several disks");
    }
    let mut found = End { entries: entries.into(), at: at.into(), size: size.into() };
    let mut directory_ends = end_at;
    if entries == FULL_16 || size == FULL_32 || at == FULL_32 {
        (found, directory_ends) = end_64(source, end_at, (entries, size, at))?;
    }
    if found.at.checked_add(found.size) != Some(directory_ends) {
        return refuse(
            PackageCode::ZipLayout,
            "the central directory",
            "does not end where the end of the archive begins",
        );
    }
    Ok(found)
}

/// The end of an archive with 64-bit lengths: a record, then its locator, then the ordinary end.
fn end_64(source: &mut Source, end_at: u64, short: (u16, u32, u32)) -> Result<(End, u64), PackageFault> {
    const WHERE: &str = "the 64-bit end of the archive";
    let (Some(locator_at), Some(record_at)) = (end_at.checked_sub(20), end_at.checked_sub(76)) else {
        return refuse(PackageCode::ZipForm, WHERE, "is not there");
    };
    let locator: [u8; 20] = record(source, locator_at)?;
    let mut f = Fields(&locator);
    if f.u32() != LOCATOR_64 || f.u32() != 0 || f.u64() != record_at || f.u32() > 1 {
        return refuse(PackageCode::ZipForm, WHERE, "is not where it must be");
    }
    let bytes: [u8; 56] = record(source, record_at)?;
    let mut f = Fields(&bytes);
    if f.u32() != END_64 || f.u64() != 44 {
        return refuse(PackageCode::ZipForm, WHERE, "is malformed");
    }
    let _versions = f.u32();
    let disks = f.u64();
    let (here, entries, size, at) = (f.u64(), f.u64(), f.u64(), f.u64());
    let same = |short: u64, full: u64, long: u64| short == full || short == long;
    let agrees = same(short.0.into(), FULL_16.into(), entries)
        && same(short.1.into(), FULL_32.into(), size)
        && same(short.2.into(), FULL_32.into(), at);
    if disks != 0 || here != entries || !agrees {
        return refuse(PackageCode::ZipDisagrees, WHERE, "contradicts the ordinary end of the archive");
    }
    Ok((End { entries, at, size }, record_at))
}

/// Reads the entry of the central directory at `at`; `place` names it. Gives where the next one begins.
pub(super) fn central(source: &mut Source, at: u64, place: &str) -> Result<(Entry, u64), PackageFault> {
    let bytes: [u8; 46] = record(source, at)?;
    let mut f = Fields(&bytes);
    if f.u32() != CENTRAL {
        return refuse(PackageCode::ZipForm, place, "is not where the central directory says it is");
    }
    let (made_by, _needed) = (f.u16(), f.u16());
    let (flags, method, stamp, crc) = (f.u16(), f.u16(), f.u32(), f.u32());
    let (packed, size) = (f.u32(), f.u32());
    let (name, extra, comment) = (f.u16(), f.u16(), f.u16());
    let (disk, _internal, external, local) = (f.u16(), f.u16(), f.u32(), f.u32());
    if flags & FLAGS_ENCRYPTED != 0 {
        return refuse(PackageCode::ZipEncrypted, place, "is encrypted");
    }
    if flags & !FLAGS_KNOWN != 0 || comment != 0 || disk != 0 {
        return refuse(PackageCode::ZipForm, place, "has an unsupported comment, flag or disk number");
    }
    if method != 0 && method != 8 {
        return refuse(PackageCode::ZipMethod, place, "is neither stored nor deflated");
    }
    let (name, extra) = tail(source, name, extra, place)?;
    let next = at + 46 + name.len() as u64 + extra.len() as u64;
    let mut long = Long::of(&extra, place)?;
    let entry = Entry {
        flags,
        method,
        stamp,
        crc,
        size: long.or(size),
        packed: long.or(packed),
        at: long.or(local),
        name,
        mode: (made_by >> 8 == 3).then_some(external >> 16),
        dos: external.to_le_bytes()[0],
    };
    long.used_up(place)?;
    Ok((entry, next))
}

/// Holds the local header of `entry` against the central directory; gives where its data begins.
pub(super) fn local(source: &mut Source, entry: &Entry, place: &str) -> Result<u64, PackageFault> {
    let bytes: [u8; 30] = record(source, entry.at)?;
    let mut f = Fields(&bytes);
    if f.u32() != LOCAL {
        return refuse(PackageCode::ZipLayout, place, "does not begin where the central directory says");
    }
    let _needed = f.u16();
    let (flags, method, stamp, crc) = (f.u16(), f.u16(), f.u32(), f.u32());
    let (packed, size) = (f.u32(), f.u32());
    let (name, extra) = (f.u16(), f.u16());
    let (name, extra) = tail(source, name, extra, place)?;
    let mut long = Long::of(&extra, place)?;
    let (size, packed) = (long.or(size), long.or(packed));
    long.used_up(place)?;
    let same = (flags, method, stamp, &name) == (entry.flags, entry.method, entry.stamp, &entry.name);
    let full = (crc, packed, size) == (entry.crc, entry.packed, entry.size);
    // With a descriptor, a header may leave for later what it does not know yet.
    let later = flags & FLAG_DESCRIPTOR != 0 && (crc, packed, size) == (0, 0, 0);
    if !same || !(full || later) {
        return refuse(PackageCode::ZipDisagrees, place, "has a local header that contradicts the central directory");
    }
    Ok(entry.at + 30 + name.len() as u64 + extra.len() as u64)
}

/// Holds the `length` bytes between the data of `entry` and what follows it against the central directory: a data
/// descriptor where one is announced, and otherwise nothing.
pub(super) fn descriptor(
    source: &mut Source,
    entry: &Entry,
    at: u64,
    length: u64,
    place: &str,
) -> Result<(), PackageFault> {
    if entry.flags & FLAG_DESCRIPTOR == 0 {
        return if length == 0 {
            Ok(())
        } else {
            refuse(PackageCode::ZipLayout, place, "is followed by unexpected bytes")
        };
    }
    if !matches!(length, 12 | 16 | 20 | 24) {
        return refuse(PackageCode::ZipLayout, place, "is not followed by its data descriptor and nothing else");
    }
    let mut bytes = Vec::new();
    let read = source.seek(SeekFrom::Start(at)).and_then(|_| source.take(length).read_to_end(&mut bytes));
    read.map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 != length {
        return Err(unreadable(&io::ErrorKind::UnexpectedEof.into()));
    }
    let mut f = Fields(&bytes);
    let signed = !matches!(length, 16 | 24) || f.u32() == DESCRIPTOR;
    let crc = f.u32();
    let (packed, size) = if length >= 20 { (f.u64(), f.u64()) } else { (f.u32().into(), f.u32().into()) };
    if !signed || (crc, packed, size) != (entry.crc, entry.packed, entry.size) {
        return refuse(
            PackageCode::ZipDisagrees,
            place,
            "has a data descriptor that contradicts the central directory",
        );
    }
    Ok(())
}

/// Name and extra field, which follow a record.
fn tail(source: &mut Source, name: u16, extra: u16, place: &str) -> Result<(Vec<u8>, Vec<u8>), PackageFault> {
    if name > NAME_BYTES_MAX || extra > NAME_BYTES_MAX {
        return refuse(PackageCode::ZipForm, place, "has a name or extra field that is too long");
    }
    let (mut first, mut second) = (vec![0; name.into()], vec![0; extra.into()]);
    let read = source.read_exact(&mut first).and_then(|()| source.read_exact(&mut second));
    read.map_err(|e| unreadable(&e))?;
    Ok((first, second))
}

/// The 64-bit values of an entry, in the order in which the fields that are full ask for them.
struct Long {
    values: std::vec::IntoIter<u64>,
    short: bool,
}

impl Long {
    /// Reads the extra field. Kinds that give times or owners are passed over; one that could give another name, or is
    /// not known, is refused.
    fn of(extra: &[u8], place: &str) -> Result<Long, PackageFault> {
        let mut values = None;
        let mut rest = extra;
        while !rest.is_empty() {
            let Some((head, behind)) = rest.split_first_chunk::<4>() else {
                return refuse(PackageCode::ZipForm, place, "has a truncated extra field");
            };
            let (kind, size) = (u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]));
            let Some((content, behind)) = behind.split_at_checked(size.into()) else {
                return refuse(PackageCode::ZipForm, place, "has a truncated extra field");
            };
            match kind {
                0x0001 if values.is_none() && content.len() % 8 == 0 && content.len() <= 24 => {
                    let long = content.chunks_exact(8).map(|c| Fields(c).u64());
                    values = Some(long.collect::<Vec<_>>());
                }
                // NTFS times, Unix times, Unix owners.
                0x000a | 0x5455 | 0x7875 => {}
                _ => return refuse(PackageCode::ZipForm, place, "has an unsupported extra field"),
            }
            rest = behind;
        }
        Ok(Long { values: values.unwrap_or_default().into_iter(), short: false })
    }

    fn or(&mut self, short: u32) -> u64 {
        if short != FULL_32 {
            return short.into();
        }
        self.values.next().unwrap_or_else(|| {
            self.short = true;
            u64::MAX
        })
    }

    /// A value that nobody asked for would be read by some and not by others.
    fn used_up(mut self, place: &str) -> Result<(), PackageFault> {
        if self.short || self.values.next().is_some() {
            return refuse(PackageCode::ZipDisagrees, place, "has the wrong number of 64-bit lengths");
        }
        Ok(())
    }
}
