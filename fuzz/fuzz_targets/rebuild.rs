//! Any file of a foreign format: read without panic, and what is written anew is found to be so. The first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::rebuild::{InProcess, Kind, Limits, PdfFonts, Rebuilder as _, Task};

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(*first) % Kind::ALL.len()];
    let pdf_fonts = if first & 0x80 == 0 { PdfFonts::Plain } else { PdfFonts::Mapped };
    let here = InProcess { limits: Limits { pixels_max: 100_000, unpacked_bytes_max: 4 << 20, pdf_fonts, ..Limits::default() } };
    if let Ok(anew) = here.work(Task::Rebuild, kind, bytes) {
        let again = here.work(Task::Examine, kind, &anew.bytes).expect("what was written anew is found to be so");
        assert_eq!((again.bytes, again.text), (anew.bytes, anew.text));
    }
});
