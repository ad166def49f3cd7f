//! File signatures: the first bytes by which programs recognise a format.

/// Returns the format whose signature the bytes have, independent of name and declared type.
pub(super) fn signature(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(usize, &[u8], &str)] = &[
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"PK\x05\x06", "an empty ZIP archive"),
        (0, b"\x1f\x8b", "a gzip file"),
        (0, b"BZh", "a bzip2 file"),
        (0, b"\xfd7zXZ\0", "an xz file"),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (0, b"Rar!\x1a\x07", "a RAR archive"),
        (0, b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (257, b"ustar", "a tar archive"),
        (0, b"%PDF-", "a PDF"),
        (0, b"%!PS", "a PostScript file"),
        (0, b"\xd0\xcf\x11\xe0", "an OLE compound file"),
        (0, b"{\\rtf", "a rich text file"),
        (0, b"MZ", "a Windows program"),
        (0, b"\x7fELF", "an ELF program"),
        (0, b"\xfe\xed\xfa", "a Mach-O program"),
        (0, b"\xcf\xfa\xed\xfe", "a Mach-O program"),
        (0, b"\xca\xfe\xba\xbe", "a class file or universal binary"),
        (0, b"\0asm", "a WebAssembly module"),
        (0, b"#!", "a script"),
        (0, b"\x89PNG", "a PNG image"),
        (0, b"\xff\xd8\xff", "a JPEG image"),
        (0, b"GIF8", "a GIF image"),
        (0, b"BM", "a bitmap image"),
        (0, b"RIFF", "a RIFF file"),
        (0, b"II*\0", "a TIFF image"),
        (0, b"MM\0*", "a TIFF image"),
        (0, b"SQLite format 3", "a SQLite database"),
        (0, b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut"),
        (0, b"\xef\xbb\xbf", "a byte order mark"),
        (0, b"\xff\xfe", "UTF-16 text"),
        (0, b"\xfe\xff", "UTF-16 text"),
        (0, b"+/v", "UTF-7 text"),
        (0, b"SYLK", "a SYLK file"),
        (0, b"ID;", "a SYLK file"),
    ];
    // `MZ`, `BM` and others also occur in text. If the bytes after them are text, the strict parser decides.
    let is_text = |b: &[u8]| b.iter().take(64).all(|c| (0x20..0x7f).contains(c) || *c == b'\n');
    SIGNATURES
        .iter()
        .find(|(at, magic, _)| {
            bytes.get(*at..).is_some_and(|b| b.starts_with(magic))
                && !(magic.len() == 2 && magic.is_ascii() && *magic != b"#!" && is_text(bytes))
        })
        .map(|(_, _, what)| *what)
        // Readers of some formats search for the signature anywhere near the beginning.
        .or_else(|| bytes.windows(5).take(1024).any(|w| w == b"%PDF-").then_some("a PDF behind other bytes"))
        .or_else(|| {
            bytes
                .windows(4)
                .any(|w| w == b"PK\x03\x04" || w == b"PK\x05\x06")
                .then_some("a ZIP archive behind other bytes")
        })
}
