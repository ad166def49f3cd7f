//! Frames as bytes: the vectors other implementations can check themselves against, and everything that is no frame.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis::digest::Digest;
use portcullis::envelope::{Header, HeaderCommitment, Precedence};
use portcullis::ident::ExchangeId;
use portcullis::time::Time;
use portcullis::wire::{
    Accept, Cancel, Consistency, End, Extension, Frame, FrameFault, FrameReader, Goodbye, Hello, Offer, Ping, Ready,
    Receipt, RefusalCode, Refuse, Restart, SIZE_CLASSES,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/wire");

/// One vector: bytes of a stream, and what a reader must make of them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    /// What it shows, for people.
    about: String,
    /// The frame's name, or `refused`.
    expect: String,
    /// For a refusal: `kind`, `length`, `padding`, `message` or `truncated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// The frame's fields, for people and for other implementations.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<String>,
    /// The stream's bytes; a run of zeros at the end may be left out and is counted instead.
    hex: String,
    /// How many zero bytes follow `hex`.
    #[serde(default)]
    zeros: usize,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = hex::decode(&self.hex).unwrap();
        bytes.resize(bytes.len() + self.zeros, 0);
        bytes
    }

    fn of(about: &str, expect: &str, fault: Option<&str>, fields: Option<String>, bytes: &[u8]) -> Vector {
        let zeros = bytes.iter().rev().take_while(|b| **b == 0).count();
        let hex = hex::encode(&bytes[..bytes.len() - zeros]);
        Vector { about: about.into(), expect: expect.into(), fault: fault.map(Into::into), fields, hex, zeros }
    }
}

fn hello() -> Hello {
    Hello {
        version: 2,
        node: "exercise-gbr".parse().unwrap(),
        boot: [0x11; 16],
        data_bytes_max: 262_144,
        exchanges_max: 16,
        extensions: vec![Extension { id: 7, critical: false, content: vec![1, 2, 3] }],
    }
}

fn consistency() -> Consistency {
    Consistency { seen: vec![Digest::of(b"EXERCISE 1"), Digest::of(b"EXERCISE 2")], heard: vec![] }
}

fn offer() -> Offer {
    Offer {
        exchange: ExchangeId::new(Time::from_unix_ms(1_795_341_600_000), [7; 10]),
        manifest: b"EXERCISE manifest".to_vec(),
        payload_size: 11,
        payload_digest: Digest::of(b"EXERCISE..."),
        precedence: Precedence::Flash,
        header: Some(header(200).commitment()),
    }
}

/// A header of so many bytes, as far as anybody here knows.
fn header(length: usize) -> Header {
    Header::new(vec![0xcd; length]).unwrap()
}

fn frames() -> Vec<(&'static str, Frame)> {
    vec![
        ("hello", Frame::Hello(hello())),
        ("goodbye", Frame::Goodbye(Goodbye::new(RefusalCode::Shutdown))),
        ("ping", Frame::Ping(Ping { number: 1 })),
        ("pong", Frame::Pong(Ping { number: 1 })),
        ("consistency", Frame::Consistency(consistency())),
        ("consistency_of_nothing", Frame::Consistency(Consistency::default())),
        ("offer", Frame::Offer(offer())),
        ("accept", Frame::Accept(Accept { offset: 4, prefix_digest: Digest::of(b"EXER") })),
        ("refuse", Frame::Refuse(Refuse::new(RefusalCode::Refused, None))),
        ("refuse_with_wait", Frame::Refuse(Refuse::new(RefusalCode::OfferRate, Some(Duration::from_millis(1500))))),
        ("receipt", Frame::Receipt(Receipt { receipt: b"EXERCISE receipt".to_vec() })),
        ("receipt_of_the_second_class", Frame::Receipt(Receipt { receipt: vec![0xab; 300] })),
        ("data", Frame::Data(b"EXERCISE...".to_vec().into())),
        ("offer_of_a_notice", Frame::Offer(Offer { header: None, ..offer() })),
        ("ready", Frame::Ready(Ready {})),
        ("end", Frame::End(End::new(Some(header(200))))),
        ("end_of_the_largest_header", Frame::End(End::new(Some(header(4096))))),
        ("end_of_a_notice", Frame::End(End::new(None))),
        ("cancel", Frame::Cancel(Cancel::new(RefusalCode::Withdrawn))),
        ("restart", Frame::Restart(Restart {})),
    ]
}

/// A control frame with any message and any padding, right or wrong.
fn raw(kind: u8, message: &[u8], total: usize) -> Vec<u8> {
    let mut bytes = u32::try_from(total - 4).unwrap().to_be_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend(message);
    bytes.resize(total, 0);
    bytes
}

/// The message of an End whose header has so many bytes.
fn end_of(length: u16) -> Vec<u8> {
    let mut message = vec![0xa1, 0x00, 0x59];
    message.extend(length.to_be_bytes());
    message.resize(message.len() + usize::from(length), 0xcd);
    message
}

fn refusals() -> Vec<(&'static str, &'static str, &'static str, Vec<u8>)> {
    let ping = [0xa1, 0x00, 0x01];
    let mut dirty = raw(0x03, &ping, 256);
    dirty[255] = 1;
    let mut overlong = raw(0x03, &ping, 256);
    overlong[8] = 255;
    vec![
        ("unknown_type", "a type this version does not have", "kind", raw(0x7f, &ping, 256)),
        ("length_of_no_class", "a control frame whose length is no size class", "length", raw(0x03, &ping, 255)),
        ("length_beyond_all", "a control frame of four gigabytes", "length", [&[0xff; 4][..], &[0x03]].concat()),
        ("data_empty", "a Data frame without payload", "length", vec![0, 0, 0, 1, 0x14]),
        ("data_too_long", "a Data frame of 262145 bytes", "length", vec![0, 4, 0, 2, 0x14]),
        ("padding_not_zero", "padding that could carry something", "padding", dirty),
        ("padding_too_much", "a larger size class than the message needs", "padding", raw(0x03, &ping, 1024)),
        ("message_longer_than_frame", "a message length beyond the frame", "padding", overlong),
        ("message_empty", "no CBOR at all", "message", raw(0x03, &[], 256)),
        ("integer_not_shortest", "the number 1 in two bytes", "message", raw(0x03, &[0xa1, 0x00, 0x18, 0x01], 256)),
        ("key_twice", "a map key twice", "message", raw(0x03, &[0xa2, 0x00, 0x01, 0x00, 0x01], 256)),
        ("key_unknown", "a map key that the message does not have", "message", raw(0x03, &[0xa2, 0, 1, 9, 1], 256)),
        ("indefinite", "a map of indefinite length", "message", raw(0x03, &[0xbf, 0x00, 0x01, 0xff], 256)),
        ("trailing", "bytes after the message's CBOR", "message", raw(0x03, &[0xa1, 0x00, 0x01, 0x00], 256)),
        ("nested", "arrays nested two hundred deep", "message", raw(0x03, &[0x81; 200], 256)),
        ("field_missing", "an Accept without its digest", "message", raw(0x11, &[0xa1, 0x00, 0x04], 256)),
        ("end_without_a_header_field", "an End with no field at all", "message", raw(0x15, &[0xa0], 256)),
        ("end_too_long", "a header of 4097 bytes", "message", raw(0x15, &end_of(4097), 16_384)),
        ("ready_with_a_field", "a Ready that says something", "message", raw(0x18, &[0xa1, 0x00, 0x01], 256)),
        ("truncated", "a stream that ends inside a frame", "truncated", raw(0x03, &ping, 256)[..100].to_vec()),
    ]
}

fn vectors() -> BTreeMap<String, Vector> {
    let mut all = BTreeMap::new();
    for (name, frame) in frames() {
        let (kind, fields) = (format!("{:?}", frame.kind()).to_lowercase(), format!("{frame:?}"));
        all.insert(
            name.to_owned(),
            Vector::of("a frame as it must be written", &kind, None, Some(fields), &frame.encode()),
        );
    }
    for (name, about, fault, bytes) in refusals() {
        all.insert(format!("refused_{name}"), Vector::of(about, "refused", Some(fault), None, &bytes));
    }
    all
}

/// Reads one frame from `bytes` and nothing after it.
fn read(bytes: &[u8]) -> Result<Frame, FrameFault> {
    let mut reader = FrameReader::new(262_144);
    reader.push(bytes);
    match reader.next()? {
        Some(frame) => reader.finish().map(|()| frame),
        None => Err(FrameFault::Truncated),
    }
}

fn name_of(fault: &FrameFault) -> &'static str {
    match fault {
        FrameFault::Kind(_) => "kind",
        FrameFault::Length { .. } => "length",
        FrameFault::Padding(_) => "padding",
        FrameFault::Message(_) => "message",
        FrameFault::Truncated => "truncated",
    }
}

#[test]
fn every_vector_reads_as_it_says() {
    let mut seen = 0;
    for entry in std::fs::read_dir(VECTORS).unwrap() {
        let path = entry.unwrap().path();
        let vector: Vector = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        match read(&vector.bytes()) {
            Ok(frame) => {
                assert_eq!(format!("{:?}", frame.kind()).to_lowercase(), vector.expect, "{path:?}");
                assert_eq!(Some(format!("{frame:?}")), vector.fields, "{path:?}");
                assert_eq!(frame.encode(), vector.bytes(), "{path:?}");
            }
            Err(fault) => {
                assert_eq!(vector.expect, "refused", "{path:?}: {fault}");
                assert_eq!(Some(name_of(&fault)), vector.fault.as_deref(), "{path:?}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, vectors().len(), "write them anew with `cargo test --test wire_frames -- --ignored`");
}

#[test]
#[ignore = "writes the vectors; run it when the protocol changes, and look at the difference"]
fn write_vectors() {
    for (name, vector) in vectors() {
        std::fs::write(format!("{VECTORS}/{name}.toml"), toml::to_string(&vector).unwrap()).unwrap();
    }
}

#[test]
fn control_frames_have_only_the_lengths_of_size_classes() {
    for (name, frame) in frames() {
        let length = frame.encode().len();
        assert!(name == "data" || SIZE_CLASSES.contains(&length), "{name} is {length} bytes long");
    }
}

#[test]
fn refuses_values_out_of_bounds() {
    let unsorted = vec![
        Extension { id: 2, critical: false, content: vec![] },
        Extension { id: 1, critical: false, content: vec![] },
    ];
    let frames = [
        Frame::Hello(Hello { data_bytes_max: 1023, ..hello() }),
        Frame::Hello(Hello { data_bytes_max: 262_145, ..hello() }),
        Frame::Hello(Hello { extensions: unsorted, ..hello() }),
        Frame::Offer(Offer { payload_size: 0, ..offer() }),
        Frame::Offer(Offer { header: Some(HeaderCommitment { size: 0, ..header(1).commitment() }), ..offer() }),
        Frame::Offer(Offer { header: Some(HeaderCommitment { size: 4097, ..header(1).commitment() }), ..offer() }),
        Frame::Offer(Offer { manifest: vec![], ..offer() }),
        Frame::Offer(Offer { manifest: vec![1; 32 * 1024 + 1], ..offer() }),
        Frame::Receipt(Receipt { receipt: vec![] }),
        Frame::Receipt(Receipt { receipt: vec![1; 60 * 1024 + 1] }),
    ];
    for frame in frames {
        let kind = frame.kind();
        assert_eq!(read(&frame.encode()), Err(FrameFault::Message(kind)));
    }
}

#[test]
fn unknown_codes_are_never_retried_and_long_waits_are_shortened() {
    let bytes =
        raw(0x12, &[0xa2, 0x00, 0x19, 0x03, 0xe7, 0x01, 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 256);
    let Ok(Frame::Refuse(refuse)) = read(&bytes) else { panic!("not a refusal") };
    assert_eq!((refuse.code(), refuse.code().retryable()), (RefusalCode::Refused, false));
    assert_eq!(refuse.retry_after(), Some(Duration::from_secs(24 * 3600)));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_never_panic_and_never_fill_memory(
        bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        piece in 1usize..400,
    ) {
        let mut reader = FrameReader::new(1024);
        'stream: for chunk in bytes.chunks(piece) {
            reader.push(chunk);
            loop {
                match reader.next() {
                    Ok(Some(frame)) => prop_assert_eq!(read(&frame.encode()), Ok(frame)),
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
            prop_assert!(reader.held() <= 64 * 1024 + piece);
        }
    }

    #[test]
    fn a_flipped_bit_never_reads_as_the_same_frame(which in 0..frames().len(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (_, frame) = frames().swap_remove(which);
        let mut bytes = frame.encode();
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert_ne!(read(&bytes), Ok(frame));
    }

    #[test]
    fn frames_read_the_same_whatever_the_pieces(piece in 1usize..600) {
        let all: Vec<u8> = frames().iter().flat_map(|(_, frame)| frame.encode()).collect();
        let (mut reader, mut read) = (FrameReader::new(262_144), Vec::new());
        for chunk in all.chunks(piece) {
            reader.push(chunk);
            while let Some(frame) = reader.next().unwrap() {
                read.push(frame);
            }
        }
        let expected: Vec<Frame> = frames().into_iter().map(|(_, frame)| frame).collect();
        prop_assert_eq!(read, expected);
        prop_assert_eq!(reader.finish(), Ok(()));
    }
}

#[test]
fn the_protocol_page_lists_every_code_as_it_is() {
    let page = include_str!("../docs/PROTOCOL.md");
    let ends = ["| link |", "| exchange |", "| both |"];
    let is_code = |line: &&str| !line.starts_with("| 0x") && ends.iter().any(|end| line.ends_with(end));
    let rows = page.lines().filter(is_code);
    let listed: Vec<String> = rows.map(|row| row.rsplitn(3, '|').last().unwrap().trim().to_owned()).collect();
    let retry = |code: &RefusalCode| if code.retryable() { "yes" } else { "no" };
    let codes = RefusalCode::ALL.iter().map(|code| format!("| {} | {} | {}", code.number(), code.text(), retry(code)));
    assert_eq!(listed, codes.collect::<Vec<_>>());
}
