//! Products in ZIP archives: what reads, and every archive that lies, refused with its code.

use std::io::Cursor;

use crate::zip::{Entry, Frame, archive};
use portcullis::digest::Digest;
use portcullis::marking::Register;
use portcullis::product::{Bounds, Package as _, PackageFault, Product, Zip};

const A: &[u8] = b"name,count\nAlpha,1\n";

fn text(attachments: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE desk\n\
                    Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, GBR\n\n(S//REL) EXERCISE text.\n"
        .to_owned();
    for (name, bytes) in attachments {
        text += &format!("\n(S//REL) ATTACHMENT {name} text/csv {} {}\n", bytes.len(), Digest::of(bytes));
    }
    text.into_bytes()
}

/// The text of a product and its attachments' bytes.
type Taken = (Vec<u8>, Vec<Vec<u8>>);

/// Opens an archive, reads the product in it and takes every attachment: the text, the attachments, or the faults.
fn take(bytes: &[u8]) -> Result<Taken, Vec<PackageFault>> {
    let mut zip = Zip::open(Box::new(Cursor::new(bytes.to_vec())))?;
    let text = zip.text(1 << 20)?;
    let product = Product::read(&text, &Bounds::default(), Register::compiled_in());
    let mut taken = Vec::new();
    if let Ok(product) = product {
        zip.read_attachments(&product, &mut |_, bytes| {
            let mut all = Vec::new();
            bytes.read_to_end(&mut all)?;
            let found = (all.len() as u64, Digest::of(&all));
            taken.push(all);
            Ok(found)
        })?;
    }
    Ok((text, taken))
}

fn codes(bytes: &[u8]) -> Vec<&'static str> {
    let mut codes: Vec<_> = take(bytes).err().unwrap_or_default().iter().map(|f| f.code.as_str()).collect();
    codes.dedup();
    codes
}

/// The text and one attachment, each entry as `change` leaves it.
fn changed(change: impl FnOnce(&mut Entry, &mut Entry)) -> Vec<u8> {
    let mut product = Entry::deflated("product.txt", &text(&[("a.csv", A)]));
    let mut beside = Entry::stored("attachments/a.csv", A);
    change(&mut product, &mut beside);
    archive(&[product, beside], &Frame::default())
}

fn framed(frame: Frame) -> Vec<u8> {
    archive(&[Entry::stored("product.txt", &text(&[("a.csv", A)])), Entry::stored("attachments/a.csv", A)], &frame)
}

fn named(name: &str) -> Vec<u8> {
    changed(|_, a| (a.name, a.local_name) = (name.into(), name.into()))
}

/// An extra field.
fn extra(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(content.len() as u16).to_le_bytes()[..], content].concat()
}

#[test]
fn reads_what_ordinary_programs_make() {
    let sound = [
        changed(|_, _| {}),
        changed(|_, a| *a = Entry::deflated("attachments/a.csv", A)),
        changed(|p, a| (*p, *a) = (p.clone().with_descriptor(true), a.clone().with_descriptor(false))),
        changed(|_, a| (a.extra, a.local_extra) = (extra(0x5455, &[1; 5]), extra(0x5455, &[1; 9]))),
        changed(|_, a| (a.made_by, a.mode, a.dos) = (20, 0, 0x20)),
        archive(
            &[
                Entry::stored("attachments/", b"").with(|e| (e.mode, e.dos) = (0o040_755, 0x10)),
                Entry::stored("attachments/a.csv", A),
                Entry::stored("product.txt", &text(&[("a.csv", A)])),
            ],
            &Frame::default(),
        ),
    ];
    for (n, bytes) in sound.iter().enumerate() {
        let (text_found, taken) = take(bytes).unwrap_or_else(|f| panic!("{n}: {f:?}"));
        assert_eq!((text_found, taken), (text(&[("a.csv", A)]), vec![A.to_vec()]), "{n}");
    }
    let alone = archive(&[Entry::stored("product.txt", &text(&[]))], &Frame::default());
    assert_eq!(take(&alone).unwrap().1.len(), 0);
}

#[test]
fn takes_each_content_once_whatever_it_is_called() {
    let both = text(&[("a.csv", A), ("b.csv", A)]);
    let entries = |b: &[u8]| {
        let files = [Entry::stored("attachments/a.csv", A), Entry::stored("attachments/b.csv", b)];
        archive(&[&[Entry::stored("product.txt", &both)], &files[..]].concat(), &Frame::default())
    };
    assert_eq!(take(&entries(A)).unwrap().1.len(), 1);
    assert_eq!(codes(&entries(b"name,count\nAlpha,2\n")), ["K-DIGEST"], "the second file of that digest is read too");
}

#[test]
fn refuses_names_that_lead_elsewhere_or_mean_two_things() {
    for name in [
        "../a.csv",
        "attachments/../a.csv",
        "/attachments/a.csv",
        "attachments//a.csv",
        "attachments\\a.csv",
        "attachments/sub/a.csv",
        "attachments/a.csv\0.txt",
        "attachments/aux.csv",
        "attachments/.hidden",
        "attachments/a",
        "attachments/\u{430}.csv",
        "Attachments/a.csv",
        "C:a.csv",
        "a.csv",
        "",
    ] {
        assert_eq!(codes(&named(name)), ["K-NAME"], "{name:?}");
    }
    assert_eq!(codes(&changed(|_, a| a.name = b"attachments/\xff.csv".to_vec())), ["Z-DISAGREES"]);
    let twice = |name: &str| {
        let first = Entry::stored("product.txt", &text(&[("a.csv", A)]));
        archive(&[first, Entry::stored("attachments/a.csv", A), Entry::stored(name, A)], &Frame::default())
    };
    for name in ["attachments/a.csv", "attachments/A.csv", "PRODUCT.TXT"] {
        assert_eq!(codes(&twice(name)), ["K-TWICE"], "{name}");
    }
}

#[test]
fn refuses_what_the_text_does_not_name_and_misses_what_it_does() {
    assert_eq!(codes(&named("attachments/b.csv")), ["K-MISSING", "K-STRANGER"]);
    let no_text = archive(&[Entry::stored("attachments/a.csv", A)], &Frame::default());
    assert_eq!(codes(&no_text), ["K-TEXT"]);
    assert_eq!(codes(&archive(&[], &Frame::default())), ["K-TEXT"]);
    let other = |bytes: &[u8]| changed(|_, a| *a = Entry::stored("attachments/a.csv", bytes));
    assert_eq!(codes(&other(b"name,count\nAlpha,2\n")), ["K-DIGEST"]);
    assert_eq!(codes(&other(&A[..A.len() - 1])), ["K-LENGTH"]);
    assert_eq!(codes(&other(&[A, b"x"].concat())), ["K-LENGTH"]);
}

#[test]
fn refuses_links_devices_and_folders_in_the_place_of_files() {
    for mode in [0o120_777, 0o020_666, 0o060_666, 0o010_666, 0o140_777, 0o040_755] {
        assert_eq!(codes(&changed(|_, a| a.mode = mode)), ["K-KIND"], "{mode:o}");
    }
    assert_eq!(codes(&changed(|_, a| a.dos = 0x10)), ["K-KIND"]);
    assert_eq!(codes(&changed(|_, a| a.dos = 0x08)), ["K-KIND"]);
    let full = Entry::stored("attachments/", b"x").with(|e| e.mode = 0o040_755);
    assert_eq!(codes(&archive(&[full], &Frame::default())), ["Z-DISAGREES"]);
}

#[test]
fn refuses_bytes_that_belong_to_no_entry() {
    let stray = || b"stray".to_vec();
    assert_eq!(codes(&framed(Frame { before: stray(), ..Frame::default() })), ["Z-LAYOUT"]);
    assert_eq!(codes(&framed(Frame { behind: stray(), ..Frame::default() })), ["Z-FORM"]);
    assert_eq!(codes(&framed(Frame { comment: stray(), ..Frame::default() })), ["Z-FORM"]);
    assert_eq!(codes(&framed(Frame { padding: stray(), ..Frame::default() })), ["Z-LAYOUT"]);
    assert_eq!(codes(&changed(|p, _| p.behind = stray())), ["Z-LAYOUT"]);
    assert_eq!(codes(&changed(|_, a| a.comment = stray())), ["Z-FORM"]);
    let two = [framed(Frame::default()), framed(Frame::default())].concat();
    assert_eq!(codes(&two), ["Z-LAYOUT"], "an archive behind an archive");
}

#[test]
fn refuses_entries_that_lie_over_each_other_or_nowhere() {
    assert_eq!(codes(&changed(|_, a| a.at = Some(0))), ["Z-LAYOUT"]);
    assert_eq!(codes(&changed(|_, a| a.at = Some(7))), ["Z-LAYOUT"]);
    assert_eq!(codes(&changed(|_, a| a.at = Some(u32::MAX - 1))), ["Z-LAYOUT"]);
    assert_eq!(codes(&framed(Frame { directory_at: Some(3), ..Frame::default() })), ["Z-LAYOUT"]);
    assert_eq!(codes(&framed(Frame { entries: Some(3), ..Frame::default() })), ["Z-FORM"]);
    assert_eq!(codes(&framed(Frame { entries: Some(1), ..Frame::default() })), ["Z-FORM"]);
    assert_eq!(codes(&framed(Frame { disks: 1, ..Frame::default() })), ["Z-FORM"]);
    let many: Vec<Entry> = (0..1025).map(|n| Entry::stored(&format!("attachments/{n}.csv"), b"")).collect();
    assert_eq!(codes(&archive(&many, &Frame::default())), ["K-COUNT"]);
}

#[test]
fn refuses_two_descriptions_of_one_entry() {
    assert_eq!(codes(&changed(|_, a| a.local_name = b"attachments/b.csv".to_vec())), ["Z-DISAGREES"]);
    assert_eq!(codes(&changed(|_, a| a.local_flags = 2)), ["Z-DISAGREES"]);
    assert_eq!(
        codes(&changed(|_, a| a.later = true)),
        ["Z-DISAGREES"],
        "lengths left for a descriptor that is not announced"
    );
    for at in [0, 4, 8, 12] {
        let wrong = changed(|_, a| {
            *a = a.clone().with_descriptor(true);
            a.behind[at] ^= 1;
        });
        assert_eq!(codes(&wrong), ["Z-DISAGREES"], "byte {at} of the descriptor");
    }
    assert_eq!(codes(&changed(|_, a| (a.flags, a.local_flags) = (8, 8))), ["Z-LAYOUT"], "no descriptor");
    // A name given again in an extra field, for readers that prefer it.
    let other_name = extra(0x7075, b"\x01\0\0\0\0attachments/b.csv");
    assert_eq!(codes(&changed(|_, a| a.extra = other_name.clone())), ["Z-FORM"]);
    assert_eq!(codes(&changed(|_, a| a.local_extra = other_name.clone())), ["Z-FORM"]);
    assert_eq!(codes(&changed(|_, a| a.extra = extra(1, &[0; 8]))), ["Z-DISAGREES"], "a length that nobody asked for");
    assert_eq!(codes(&changed(|_, a| a.extra = vec![1, 0, 9])), ["Z-FORM"]);
    assert_eq!(codes(&changed(|_, a| a.size += 1)), ["Z-DISAGREES"], "a stored entry has one length");
}

#[test]
fn refuses_what_is_encrypted_or_packed_in_another_way() {
    for flag in [1, 1 << 6, 1 << 13] {
        assert_eq!(codes(&changed(|_, a| (a.flags, a.local_flags) = (flag, flag))), ["Z-ENCRYPTED"], "{flag}");
    }
    assert_eq!(codes(&changed(|_, a| (a.flags, a.local_flags) = (1 << 5, 1 << 5))), ["Z-FORM"]);
    for method in [1, 6, 9, 12, 14, 93, 95, 99] {
        assert_eq!(codes(&changed(|_, a| a.method = method)), ["Z-METHOD"], "{method}");
    }
}

#[test]
fn refuses_contents_that_are_not_what_the_entry_says() {
    let deflated = |change: &dyn Fn(&mut Entry)| {
        changed(|_, a| {
            *a = Entry::deflated("attachments/a.csv", A);
            change(a);
        })
    };
    assert_eq!(codes(&deflated(&|e| e.crc ^= 1)), ["Z-CONTENT"]);
    assert_eq!(codes(&deflated(&|e| e.size -= 1)), ["Z-CONTENT"]);
    assert_eq!(codes(&deflated(&|e| e.size += 1)), ["Z-CONTENT"]);
    assert_eq!(codes(&deflated(&|e| e.packed.push(0))), ["Z-CONTENT"]);
    assert_eq!(codes(&deflated(&|e| assert!(e.packed.pop().is_some()))), ["Z-CONTENT"]);
    assert_eq!(codes(&deflated(&|e| e.packed = b"never deflated".to_vec())), ["Z-CONTENT"]);
    assert_eq!(codes(&changed(|_, a| a.crc ^= 1)), ["Z-CONTENT"]);
}

#[test]
fn refuses_bombs_before_unpacking_them_or_as_soon_as_they_swell() {
    let zeros = vec![0; 64 << 20];
    let bomb = changed(|_, a| *a = Entry::deflated("attachments/a.csv", &zeros));
    assert!(bomb.len() < 100_000);
    assert_eq!(codes(&bomb), ["Z-RATIO"]);
    // The length says nothing of what is inside; what is inside is not unpacked beyond it.
    let liar = changed(|_, a| *a = Entry::deflated("attachments/a.csv", &zeros).with(|e| e.size = A.len() as u64));
    assert_eq!(codes(&liar), ["Z-CONTENT"]);
    let text_bomb = changed(|p, _| *p = Entry::deflated("product.txt", &zeros));
    assert_eq!(codes(&text_bomb), ["Z-RATIO"]);
    // An archive inside is a file like any other: the text must name it, and inspection looks at what it is.
    let inner = framed(Frame::default());
    let nested = changed(|_, a| *a = Entry::stored("attachments/inner.zip", &inner));
    assert_eq!(codes(&nested), ["K-MISSING", "K-STRANGER"]);
}

#[test]
fn a_cut_off_archive_is_refused_wherever_it_ends() {
    let whole = changed(|p, _| *p = p.clone().with_descriptor(true));
    for length in 0..whole.len() {
        assert!(take(&whole[..length]).is_err(), "cut off at {length}");
    }
}

#[test]
fn one_altered_byte_is_refused_or_changes_nothing() {
    let whole = changed(|p, _| *p = p.clone().with_descriptor(true));
    let sound = take(&whole).unwrap();
    for at in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut altered = whole.clone();
            altered[at] ^= 1 << bit;
            if let Ok(found) = take(&altered) {
                assert_eq!(found, sound, "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn every_code_is_explained_in_the_format() {
    let page = include_str!("../../docs/PRODUCT-FORMAT.md");
    for code in portcullis::product::PackageCode::ALL {
        assert!(page.contains(&format!("| `{}` |", code.as_str())) && page.contains(code.hint()), "{}", code.as_str());
    }
}
