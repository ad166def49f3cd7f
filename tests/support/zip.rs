//! ZIP archives built field by field, so that a test can make any one of them lie.

/// One entry, with every field as the two headers will have it.
#[derive(Clone)]
pub struct Entry {
    pub name: Vec<u8>,
    pub local_name: Vec<u8>,
    pub flags: u16,
    pub local_flags: u16,
    pub method: u16,
    pub crc: u32,
    pub size: u64,
    pub packed: Vec<u8>,
    pub extra: Vec<u8>,
    pub local_extra: Vec<u8>,
    pub comment: Vec<u8>,
    pub mode: u32,
    pub made_by: u16,
    pub dos: u8,
    /// Written between the data and what follows.
    pub behind: Vec<u8>,
    /// The local header leaves checksum and lengths for the descriptor.
    pub later: bool,
    /// The central directory points here instead of at its own header.
    pub at: Option<u32>,
}

impl Entry {
    pub fn stored(name: &str, content: &[u8]) -> Entry {
        Entry {
            name: name.into(),
            local_name: name.into(),
            flags: 0,
            local_flags: 0,
            method: 0,
            crc: crc32fast::hash(content),
            size: content.len() as u64,
            packed: content.to_vec(),
            extra: Vec::new(),
            local_extra: Vec::new(),
            comment: Vec::new(),
            mode: 0o100_644,
            made_by: 3 << 8 | 30,
            dos: 0,
            behind: Vec::new(),
            later: false,
            at: None,
        }
    }

    pub fn deflated(name: &str, content: &[u8]) -> Entry {
        let packed = miniz_oxide::deflate::compress_to_vec(content, 6);
        Entry { method: 8, packed, ..Entry::stored(name, content) }
    }

    /// With its lengths and checksum in a descriptor behind the data.
    pub fn with_descriptor(mut self, signed: bool) -> Entry {
        (self.flags, self.local_flags, self.later) = (8, 8, true);
        if signed {
            self.behind.extend(0x0807_4b50u32.to_le_bytes());
        }
        for field in [self.crc, self.packed.len() as u32, self.size as u32] {
            self.behind.extend(field.to_le_bytes());
        }
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Entry)) -> Entry {
        change(&mut self);
        self
    }
}

/// The end record's fields, and what stands around the archive.
#[derive(Default)]
pub struct Frame {
    pub before: Vec<u8>,
    pub behind: Vec<u8>,
    pub comment: Vec<u8>,
    pub entries: Option<u16>,
    pub directory_at: Option<u32>,
    pub disks: u16,
    pub padding: Vec<u8>,
}

fn u16s(out: &mut Vec<u8>, fields: &[u16]) {
    fields.iter().for_each(|f| out.extend(f.to_le_bytes()));
}

fn u32s(out: &mut Vec<u8>, fields: &[u32]) {
    fields.iter().for_each(|f| out.extend(f.to_le_bytes()));
}

/// The archive of these entries.
pub fn archive(entries: &[Entry], frame: &Frame) -> Vec<u8> {
    let mut out = frame.before.clone();
    let mut directory = Vec::new();
    for e in entries {
        let at = out.len() as u32;
        let packed = e.packed.len() as u32;
        let size = u32::try_from(e.size).unwrap_or(u32::MAX);
        u32s(&mut out, &[0x0403_4b50]);
        u16s(&mut out, &[20, e.local_flags, e.method, 0x6000, 0x5b76]);
        u32s(&mut out, &if e.later { [0, 0, 0] } else { [e.crc, packed, size] });
        u16s(&mut out, &[e.local_name.len() as u16, e.local_extra.len() as u16]);
        for part in [&e.local_name, &e.local_extra, &e.packed, &e.behind] {
            out.extend(part);
        }
        u32s(&mut directory, &[0x0201_4b50]);
        u16s(&mut directory, &[e.made_by, 20, e.flags, e.method, 0x6000, 0x5b76]);
        u32s(&mut directory, &[e.crc, packed, size]);
        u16s(&mut directory, &[e.name.len() as u16, e.extra.len() as u16, e.comment.len() as u16, 0, 0]);
        u32s(&mut directory, &[e.mode << 16 | u32::from(e.dos), e.at.unwrap_or(at)]);
        for part in [&e.name, &e.extra, &e.comment] {
            directory.extend(part);
        }
    }
    out.extend(&frame.padding);
    let directory_at = frame.directory_at.unwrap_or(out.len() as u32);
    out.extend(&directory);
    let entries = frame.entries.unwrap_or(entries.len() as u16);
    u32s(&mut out, &[0x0605_4b50]);
    u16s(&mut out, &[frame.disks, frame.disks, entries, entries]);
    u32s(&mut out, &[directory.len() as u32, directory_at]);
    u16s(&mut out, &[frame.comment.len() as u16]);
    out.extend(&frame.comment);
    out.extend(&frame.behind);
    out
}
