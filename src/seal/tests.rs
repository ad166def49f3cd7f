//! Tests of sealing and opening together: what was sealed is opened, and what was altered, swapped or removed is refused.

use std::io::{Cursor, Read as _, Write as _};

use super::detached_header::header_length;
use super::padding::{FLOOR, TEXT_AT};
use super::preamble::{PREAMBLE_BYTES, preamble};
use super::recipient::encrypting;
use super::sealing::write_sealed;
use super::*;
use crate::cut::{Cut, Terms, assemble};
use crate::digest::Digest;
use crate::envelope::{Binding, ExchangeContext, Header, OpeningSecret};
use crate::ident::ExchangeId;
use crate::marking::{Level, PartnerKind, PartnerRights, Register};
use crate::product::{Bounds, Contents, ContentsFault, MemoryContents, NoContents, Product};
use crate::time::Time;

const LARGE: usize = 300_000;

fn bound() -> ExchangeContext {
    ExchangeContext {
        exchange: ExchangeId::new(Time::from_unix_ms(1_795_341_600_000), [1; 10]),
        sender: "exercise-usa".parse().unwrap(),
        recipient: "exercise-gbr".parse().unwrap(),
    }
}

fn binding() -> Binding {
    Binding { context: bound(), secret: OpeningSecret::new([7; 32]) }
}

fn identity() -> PayloadIdentity {
    PayloadIdentity::parse(&PayloadIdentity::generate()).unwrap()
}

fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|n| (n as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

/// A cut with these attachments, and their contents.
fn cut_with(attachments: &[Vec<u8>]) -> (Cut, MemoryContents) {
    let mut kept = MemoryContents::default();
    let mut text = "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE desk\n\
                    Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, GBR\n\n(S//REL) EXERCISE text.\n"
        .to_owned();
    for (n, bytes) in attachments.iter().enumerate() {
        let digest = kept.insert(bytes.clone());
        text.push_str(&format!("\n(S//REL) ATTACHMENT e{n}.txt text/plain {} {digest}\n", bytes.len()));
    }
    let (bounds, register) = (Bounds::default(), Register::compiled_in());
    let product = Product::read(text.as_bytes(), &bounds, register).unwrap();
    let link = PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, []);
    let terms = Terms { attachments: ["text/plain".to_owned()].into() };
    (assemble(&product, 0, &link, &terms, &bounds, register).unwrap(), kept)
}

fn sealed(cut: &Cut, contents: &dyn Contents, to: &PayloadIdentity) -> Vec<u8> {
    let mut body = Vec::new();
    let header = write_sealed(cut, contents, &binding(), to.recipient(), &mut body).unwrap();
    assert!(body.len() as u64 <= sealed_size_max(cut).unwrap());
    [header.bytes(), &body].concat()
}

/// Splits an age file into its two parts; `None` if its header does not end.
fn apart(file: &[u8]) -> Option<(Header, Vec<u8>)> {
    let (header, body) = file.split_at(header_length(file)?);
    Some((Header::new(header).ok()?, body.to_vec()))
}

/// Encrypts a frame built by the test.
fn framed(frame: &[u8], to: &PayloadIdentity) -> Vec<u8> {
    let mut writer = encrypting(to.recipient(), Vec::new()).unwrap();
    writer.write_all(frame).unwrap();
    writer.finish().unwrap()
}

fn frame_of(file: &[u8], with: &PayloadIdentity) -> Vec<u8> {
    let mut frame = Vec::new();
    with.open(Box::new(Cursor::new(file.to_vec()))).unwrap().read_to_end(&mut frame).unwrap();
    frame
}

fn checked(file: &[u8], cut: &Cut, with: &PayloadIdentity) -> Result<Layout, OpenFault> {
    let (header, body) = apart(file).ok_or(OpenFault::Header)?;
    open(with, &header, Cursor::new(body), 1 << 20, &bound())?.check(cut)
}

#[test]
fn what_was_sealed_opens_to_the_same_text_and_attachments() {
    let ours = identity();
    let attachments = [bytes(1, LARGE), bytes(2, 1), bytes(3, 65_536)];
    let (cut, kept) = cut_with(&attachments);
    let (header, body) = apart(&sealed(&cut, &kept, &ours)).unwrap();
    let opened = open(&ours, &header, Cursor::new(body.clone()), 1 << 20, &bound()).unwrap();
    assert_eq!(opened.text(), cut.bytes());
    let layout = opened.check(&cut).unwrap();
    let contents = SealedContents::new(&ours, &header, layout, || Cursor::new(body.clone()));
    for (attachment, bytes) in cut.detached().zip(&attachments) {
        let mut out = Vec::new();
        attachment.copy_to(&contents, &mut out).unwrap();
        assert_eq!(out, *bytes);
    }
    let other = Digest::of(b"other");
    assert_eq!(contents.open(other).err(), Some(ContentsFault::Missing(other)));
}

#[test]
fn a_cut_without_attachments_is_framed_as_ever() {
    let ours = identity();
    let (cut, kept) = cut_with(&[]);
    let frame = frame_of(&sealed(&cut, &kept, &ours), &ours);
    let mut expected = preamble(&binding()).to_vec();
    expected.extend_from_slice(&(cut.bytes().len() as u64).to_be_bytes());
    expected.extend_from_slice(cut.bytes());
    expected.resize(FLOOR as usize, 0);
    assert_eq!(frame, expected);
}

#[test]
fn the_same_bytes_under_two_names_are_carried_once() {
    let ours = identity();
    let (cut, kept) = cut_with(&[bytes(1, LARGE), bytes(1, LARGE)]);
    assert_eq!(cut.detached().count(), 2);
    let file = sealed(&cut, &kept, &ours);
    assert!(file.len() < LARGE * 3 / 2);
    assert!(checked(&file, &cut, &ours).is_ok());
}

#[test]
fn refuses_to_seal_an_attachment_that_is_missing_or_other_than_the_text_says() {
    struct Swapped(Vec<u8>);
    impl Contents for Swapped {
        fn open(&self, _: Digest) -> Result<Box<dyn crate::product::ReadSeek + Send>, ContentsFault> {
            Ok(Box::new(Cursor::new(self.0.clone())))
        }
    }
    let (cut, kept) = cut_with(&[bytes(1, LARGE)]);
    let digest = cut.detached().next().unwrap().digest();
    let to = identity();
    let fault = |contents: &dyn Contents| {
        write_sealed(&cut, contents, &binding(), to.recipient(), &mut Vec::new()).unwrap_err()
    };
    assert!(write_sealed(&cut, &kept, &binding(), to.recipient(), &mut Vec::new()).is_ok());
    assert_eq!(fault(&NoContents), SealFault::Contents(ContentsFault::Missing(digest)));
    assert_eq!(fault(&Swapped(bytes(2, LARGE))), SealFault::Contents(ContentsFault::Damaged(digest)));
    for length in [LARGE - 1, LARGE + 1] {
        let found = length as u64;
        let wrong = ContentsFault::Length { digest, stated: LARGE as u64, found };
        assert_eq!(fault(&Swapped(bytes(1, length))), SealFault::Contents(wrong));
    }
}

#[test]
fn refuses_a_frame_whose_attachment_is_altered_swapped_short_or_missing() {
    let ours = identity();
    let (cut, kept) = cut_with(&[bytes(1, LARGE), bytes(2, LARGE)]);
    let frame = frame_of(&sealed(&cut, &kept, &ours), &ours);
    let at = TEXT_AT + cut.bytes().len();
    let digests: Vec<Digest> = cut.detached().map(|a| a.digest()).collect();
    let fault = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut other = frame.clone();
        change(&mut other);
        checked(&framed(&other, &ours), &cut, &ours).unwrap_err()
    };
    assert!(checked(&framed(&frame, &ours), &cut, &ours).is_ok());
    assert_eq!(fault(&|f| f[at] ^= 1), OpenFault::Attachment(digests[0]));
    assert_eq!(fault(&|f| f[at + 2 * LARGE - 1] ^= 1), OpenFault::Attachment(digests[1]));
    assert_eq!(fault(&|f| f[at..at + 2 * LARGE].rotate_left(LARGE)), OpenFault::Attachment(digests[0]));
    assert_eq!(fault(&|f| f.truncate(at + LARGE)), OpenFault::Attachment(digests[1]));
    assert_eq!(fault(&|f| f.truncate(at)), OpenFault::Attachment(digests[0]));
    assert_eq!(fault(&|f| *f.last_mut().unwrap() = 1), OpenFault::Frame);
    assert_eq!(fault(&|f| f.push(0)), OpenFault::Frame);
    assert_eq!(fault(&|f| f.truncate(at + 2 * LARGE)), OpenFault::Frame);
}

#[test]
fn refuses_a_text_that_is_longer_than_allowed_or_than_its_frame() {
    let ours = identity();
    let refused = |frame: &[u8], max: usize| {
        let (header, body) = apart(&framed(frame, &ours)).unwrap();
        open(&ours, &header, Cursor::new(body), max, &bound()).map(|o| o.text().to_vec()).unwrap_err()
    };
    let frame = |length: u64, content: &[u8]| [&preamble(&binding())[..], &length.to_be_bytes()[..], content].concat();
    assert_eq!(refused(&frame(101, &[0; 4096]), 100), OpenFault::TooLarge(100));
    assert_eq!(refused(&frame(u64::MAX, &[0; 4096]), 100), OpenFault::TooLarge(100));
    assert_eq!(refused(&frame(100, &[0; 99]), 100), OpenFault::Frame);
    assert_eq!(refused(b"short", 100), OpenFault::Frame);
    assert_eq!(refused(&frame(100, &[])[..PREAMBLE_BYTES + 3], 100), OpenFault::Frame);
    let (header, body) = apart(&framed(&frame(100, &[0; 100]), &ours)).unwrap();
    assert!(open(&ours, &header, Cursor::new(body), 100, &bound()).is_ok());
}

#[test]
fn refuses_a_payload_that_was_sealed_by_another_for_another_or_in_another_exchange() {
    let ours = identity();
    let (cut, kept) = cut_with(&[]);
    let (header, body) = apart(&sealed(&cut, &kept, &ours)).unwrap();
    let under = |expected: &ExchangeContext| {
        open(&ours, &header, Cursor::new(body.clone()), 1 << 20, expected).map(|opened| opened.proof())
    };
    assert_eq!(under(&bound()), Ok(binding().proof(cut.digest())));
    for other in [
        ExchangeContext { sender: "exercise-aus".parse().unwrap(), ..bound() },
        ExchangeContext { recipient: "exercise-aus".parse().unwrap(), ..bound() },
        ExchangeContext { exchange: ExchangeId::new(Time::EPOCH, [1; 10]), ..bound() },
    ] {
        assert_eq!(under(&other), Err(OpenFault::Bound(Box::new(bound()))), "{other}");
    }
    let unsaid = framed(&[0; FLOOR as usize], &ours);
    assert_eq!(checked(&unsaid, &cut, &ours), Err(OpenFault::Frame));
}

#[test]
fn refuses_to_check_a_payload_against_another_cut() {
    let ours = identity();
    let (one, kept) = cut_with(&[bytes(1, 100)]);
    let file = sealed(&one, &kept, &ours);
    // Also one whose text has the same length and is followed by as many bytes.
    for other in [&[][..], &[bytes(2, 100)]] {
        assert_eq!(checked(&file, &cut_with(other).0, &ours), Err(OpenFault::Frame));
    }
    assert!(checked(&file, &one, &ours).is_ok());
}

#[test]
fn refuses_a_payload_altered_cut_short_or_sealed_for_another() {
    let (ours, theirs) = (identity(), identity());
    let (cut, kept) = cut_with(&[bytes(1, LARGE)]);
    let file = sealed(&cut, &kept, &ours);
    for at in (0..file.len()).step_by(file.len() / 40) {
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(checked(&altered, &cut, &ours).is_err(), "byte {at} altered was accepted");
        assert!(checked(&file[..at], &cut, &ours).is_err(), "cut short at {at} was accepted");
    }
    assert_eq!(checked(&file, &cut, &theirs), Err(OpenFault::Closed));
}

#[test]
fn nobody_opens_a_payload_without_its_own_header() {
    let ours = identity();
    let (cut, kept) = cut_with(&[bytes(1, LARGE)]);
    let (header, body) = apart(&sealed(&cut, &kept, &ours)).unwrap();
    // The same cut sealed again for the same recipient: the header of one does not open the other.
    let (other, _) = apart(&sealed(&cut, &kept, &ours)).unwrap();
    let check =
        |header: &Header, body: &[u8]| open(&ours, header, Cursor::new(body.to_vec()), 1 << 20, &bound())?.check(&cut);
    assert!(check(&header, &body).is_ok());
    assert_eq!(check(&other, &body).err(), Some(OpenFault::Closed));
    assert_eq!(ours.open(Box::new(Cursor::new(body.clone()))).err(), Some(OpenFault::Header));
    assert!(!body.windows(4).any(|part| part == b"age-"), "the payload has no header of its own");
}

#[test]
fn refuses_a_header_and_a_payload_that_were_not_split_where_the_header_ends() {
    let ours = identity();
    let (cut, kept) = cut_with(&[]);
    let file = sealed(&cut, &kept, &ours);
    let end = header_length(&file).unwrap();
    for at in [1, end - 1, end, end + 1, end + 16] {
        let header = Header::new(&file[..at]).unwrap();
        let opened = open(&ours, &header, Cursor::new(file[at..].to_vec()), 1 << 20, &bound()).map(drop);
        assert_eq!(opened, if at == end { Ok(()) } else { Err(OpenFault::Header) }, "parted at {at} of {end}");
    }
}

#[cfg(test)]
mod vectors {
    use super::*;

    /// Writes `tests/vectors/seal/` anew: `cargo test --lib seal::tests::vectors -- --ignored`. Encryption is
    /// random, so every file changes, and nothing else does.
    #[test]
    #[ignore = "writes the test vectors anew"]
    fn writes_the_vectors() {
        let text_of_key = PayloadIdentity::generate();
        let ours = PayloadIdentity::parse(&text_of_key).unwrap();
        let attachments = [b"EXERCISE, first.\n".repeat(40), b"EXERCISE, second.\n".to_vec()];
        let (plain, nothing) = cut_with(&[]);
        let (cut, kept) = cut_with(&attachments);
        let frame = frame_of(&sealed(&cut, &kept, &ours), &ours);
        let at = TEXT_AT + cut.bytes().len();
        let first = attachments[0].len();
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut frame = frame.clone();
            change(&mut frame);
            framed(&frame, &ours)
        };
        let other = identity();
        let in_lines = |bytes: &[u8]| {
            let hex = hex::encode(bytes);
            let lines: Vec<&str> = (0..hex.len()).step_by(100).map(|n| &hex[n..hex.len().min(n + 100)]).collect();
            lines.join("\n")
        };
        let write_parts = |name: &str, about: &str, expect: &str, (header, payload): (&[u8], &[u8])| {
            let (key, header, payload) = (text_of_key.as_str(), in_lines(header), in_lines(payload));
            let vector = format!(
                "about = \"{about}\"\nexpect = \"{expect}\"\nkey = \"{key}\"\nheader = \"\"\"\n{header}\n\"\"\"\n\
                 payload = \"\"\"\n{payload}\n\"\"\"\n"
            );
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/seal");
            std::fs::write(format!("{path}/{name}.toml"), vector).unwrap();
        };
        let write = |name: &str, about: &str, expect: &str, payload: &[u8]| {
            write_parts(name, about, expect, payload.split_at(header_length(payload).unwrap()));
        };
        write("text_alone", "a cut with nothing beside it", "pass", &sealed(&plain, &nothing, &ours));
        write("two_attachments", "a cut with two attachments beside it", "pass", &sealed(&cut, &kept, &ours));
        write("attachment_altered", "one byte of an attachment altered", "attachment", &changed(&|f| f[at] ^= 1));
        write(
            "attachments_swapped",
            "the attachments in another order",
            "attachment",
            &changed(&|f| {
                f[at..at + first + attachments[1].len()].rotate_left(first);
            }),
        );
        write(
            "attachment_missing",
            "the frame ends before its attachments",
            "attachment",
            &changed(&|f| f.truncate(at)),
        );
        write("padding_not_zero", "something in the padding", "frame", &changed(&|f| *f.last_mut().unwrap() = 1));
        write("padding_too_long", "one zero more than there must be", "frame", &changed(&|f| f.push(0)));
        write(
            "padding_missing",
            "no padding at all",
            "frame",
            &changed(&|f| {
                f.truncate(at + first + attachments[1].len());
            }),
        );
        write(
            "text_longer_than_frame",
            "a length beyond the frame",
            "frame",
            &changed(&|f| f[PREAMBLE_BYTES + 6] = 0xff),
        );
        write("text_too_long", "a length beyond what is read", "too-large", &changed(&|f| f[PREAMBLE_BYTES] = 0xff));
        let elsewhere = ExchangeContext { sender: "exercise-aus".parse().unwrap(), ..bound() };
        let elsewhere = Binding { context: elsewhere, ..binding() };
        write(
            "bound_to_another",
            "sealed by another sender than the manifest names",
            "bound",
            &changed(&|f| f[..PREAMBLE_BYTES].copy_from_slice(&preamble(&elsewhere))),
        );
        write(
            "preamble_altered",
            "something behind the preamble's message",
            "frame",
            &changed(&|f| f[PREAMBLE_BYTES - 1] = 1),
        );
        write("for_another", "sealed to another key", "closed", &sealed(&plain, &nothing, &other));
        let mut cut_short = sealed(&cut, &kept, &ours);
        cut_short.pop();
        write("cut_short", "the last byte of the age file is missing", "closed", &cut_short);
        let both = [ours.recipient().as_age(), other.recipient().as_age()];
        let mut writer = age::Encryptor::with_recipients(both.into_iter()).unwrap().wrap_output(Vec::new()).unwrap();
        writer.write_all(&frame).unwrap();
        write("two_recipients", "sealed to a second recipient as well", "header", &writer.finish().unwrap());
        let whole = sealed(&plain, &nothing, &ours);
        let end = header_length(&whole).unwrap();
        let (header, body) = whole.split_at(end);
        let again = sealed(&plain, &nothing, &ours);
        let other_header = &again[..header_length(&again).unwrap()];
        write_parts(
            "header_of_another",
            "the header of another payload for the same key",
            "closed",
            (other_header, body),
        );
        write_parts("header_in_the_payload", "the whole age file again behind its header", "closed", (header, &whole));
        write_parts(
            "header_too_short",
            "the last byte of the header in the payload",
            "header",
            whole.split_at(end - 1),
        );
        write_parts(
            "header_too_long",
            "the first byte of the payload in the header",
            "header",
            whole.split_at(end + 1),
        );
    }
}
