//! Frames as bytes: test vectors for other implementations, and everything that is not a frame.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::property::property;
use portcullis::digest::Digest;
use portcullis::envelope::{Header, HeaderCommitment, Precedence};
use portcullis::ident::ExchangeId;
use portcullis::time::Time;
use portcullis::wire::{
    Accept, Cancel, Consistency, End, Extension, Frame, FrameFault, FrameKind, FrameReader, Goodbye, Hello, Offer,
    Ping, Ready, Receipt, RefusalCode, Refuse, Restart, SIZE_CLASSES,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/wire");

/// One vector: bytes of a stream, and the expected result of reading them.
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

/// A header of `length` bytes; the content does not matter to the wire.
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

/// The message of an End whose header has `length` bytes.
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
    assert_eq!(seen, vectors().len(), "write them anew with `cargo test --test wire frames:: -- --ignored`");
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
fn accepts_values_at_their_bounds_and_none_beyond() {
    let extensions = |ids: &[u32], bytes: usize| {
        let extension = |id: &u32| Extension { id: *id, critical: false, content: vec![7; bytes] };
        Frame::Hello(Hello { extensions: ids.iter().map(extension).collect(), ..hello() })
    };
    let hashes = |count: usize| vec![Digest::of(b"EXERCISE"); count];
    let manifest = |bytes| Frame::Offer(Offer { manifest: vec![1; bytes], ..offer() });
    let sixteen: Vec<u32> = (1..=16).collect();
    let seventeen: Vec<u32> = (1..=17).collect();
    for (at, beyond) in [
        (extensions(&sixteen, 1), extensions(&seventeen, 1)),
        (extensions(&[1], 2048), extensions(&[1], 2049)),
        (extensions(&[1, 2], 1), extensions(&[2, 2], 1)),
        (
            Frame::Consistency(Consistency { seen: hashes(65), heard: vec![] }),
            Frame::Consistency(Consistency { seen: hashes(66), heard: vec![] }),
        ),
        (
            Frame::Consistency(Consistency { seen: vec![], heard: hashes(65) }),
            Frame::Consistency(Consistency { seen: vec![], heard: hashes(66) }),
        ),
        (manifest(32 * 1024), manifest(32 * 1024 + 1)),
    ] {
        let kind = at.kind();
        assert_eq!(read(&at.encode()), Ok(at));
        assert_eq!(read(&beyond.encode()), Err(FrameFault::Message(kind)));
    }
}

#[test]
fn a_reader_holds_what_it_was_given_until_a_frame_is_whole() {
    let bytes = Frame::Hello(hello()).encode();
    let mut reader = FrameReader::new(1024);
    assert_eq!(reader.held(), 0);
    reader.push(&bytes[..9]);
    assert_eq!((reader.next(), reader.held()), (Ok(None), 9));
    reader.push(&bytes[9..]);
    assert_eq!((reader.next(), reader.held()), (Ok(Some(Frame::Hello(hello()))), 0));
}

#[test]
fn a_data_frame_holds_as_much_as_was_agreed_and_no_byte_more() {
    // The limit is never above the protocol's maximum, whatever a node states.
    for (agreed, most) in [(1024, 1024), (4096, 4096), (262_144, 262_144), (usize::MAX, 262_144)] {
        let mut reader = FrameReader::new(agreed);
        reader.push(&Frame::Data(vec![7; most].into()).encode());
        assert_eq!(reader.next(), Ok(Some(Frame::Data(vec![7; most].into()))));
        // The header alone shows that it is too long, so the error comes before the payload.
        let length = u32::try_from(most + 2).unwrap();
        reader.push(&[&length.to_be_bytes()[..], &[0x14]].concat());
        assert_eq!(reader.next(), Err(FrameFault::Length { kind: FrameKind::Data, length }));
    }
}

#[test]
fn a_stream_ends_between_frames_and_nowhere_else() {
    let bytes = [Frame::Ping(Ping { number: 1 }).encode(), Frame::Data(vec![7; 10].into()).encode()].concat();
    let between = [0, 256, bytes.len()];
    for end in 0..=bytes.len() {
        let mut reader = FrameReader::new(1024);
        reader.push(&bytes[..end]);
        while reader.next().unwrap().is_some() {}
        let expected = if between.contains(&end) { Ok(()) } else { Err(FrameFault::Truncated) };
        assert_eq!(reader.finish(), expected, "{end}");
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

/// The fault in a stream of frames, if any.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Not,
    /// A type that this version does not have.
    Kind,
    /// A bit of the length.
    Length(u8),
    /// A bit behind the message.
    Padding(u8),
    /// A bit of the message itself, or of a payload.
    Message(u8),
    /// It ends within a frame.
    CutShort,
}

fn broken() -> impl Strategy<Value = Broken> {
    prop_oneof![
        1 => Just(Broken::Not),
        1 => Just(Broken::Kind),
        1 => (0u8..32).prop_map(Broken::Length),
        1 => (0u8..8).prop_map(Broken::Padding),
        2 => (0u8..8).prop_map(Broken::Message),
        1 => Just(Broken::CutShort),
    ]
}

/// The bytes of `frames`, of which the one at `which` is broken at `at`.
fn stream(frames: &[Frame], which: usize, broken: Broken, at: prop::sample::Index) -> Vec<u8> {
    let mut before: Vec<u8> = frames[..which].iter().flat_map(Frame::encode).collect();
    let mut bytes = frames[which].encode();
    let message = match &frames[which] {
        Frame::Data(_) => 5..bytes.len(),
        _ => 9..9 + u32::from_be_bytes(bytes[5..9].try_into().unwrap()) as usize,
    };
    match broken {
        Broken::Not => {}
        Broken::Kind => bytes[4] = 0x7f,
        Broken::Length(bit) => bytes[usize::from(bit / 8)] ^= 1 << (bit % 8),
        Broken::Padding(bit) => {
            let last = bytes.len() - 1;
            let place = last - at.index(bytes.len() - message.end.min(last));
            bytes[place] ^= 1 << bit;
        }
        Broken::Message(bit) => {
            let place = message.start + at.index(message.len());
            bytes[place] ^= 1 << bit;
        }
        Broken::CutShort => {
            before.extend(&bytes[..1 + at.index(bytes.len() - 1)]);
            return before;
        }
    }
    before.extend(bytes);
    before.extend(frames[which + 1..].iter().flat_map(Frame::encode));
    before
}

#[test]
fn reads_only_frames_that_were_written_and_stops_at_the_first_fault() {
    let classes = ["whole", "read before", "read otherwise", "kind", "length", "padding", "message", "truncated"];
    let frame = prop_oneof![
        3 => prop::sample::select(frames()).prop_map(|(_, frame)| frame),
        1 => (1usize..2000).prop_map(|length| Frame::Data(vec![7; length].into())),
    ];
    let cases = (
        prop::collection::vec(frame, 1..6),
        any::<prop::sample::Index>(),
        broken(),
        any::<prop::sample::Index>(),
        1usize..400,
    );
    property(&classes, &cases, |(frames, which, broken, at, piece), classes| {
        let bytes = stream(&frames, which.index(frames.len()), broken, at);
        let (mut reader, mut read, mut fault) = (FrameReader::new(2048), Vec::new(), None);
        'stream: for chunk in bytes.chunks(piece) {
            reader.push(chunk);
            loop {
                match reader.next() {
                    Ok(Some(frame)) => read.push(frame),
                    Ok(None) => break,
                    Err(found) => {
                        fault = Some(found);
                        break 'stream;
                    }
                }
            }
            prop_assert!(reader.held() <= 64 * 1024 + piece);
        }
        let fault = fault.or_else(|| reader.finish().err());
        // Every frame that was read has one encoding, which is what the stream contains there.
        let again: Vec<u8> = read.iter().flat_map(Frame::encode).collect();
        prop_assert!(bytes.starts_with(&again));
        prop_assert_eq!(fault.is_none(), again.len() == bytes.len());
        match (&fault, broken) {
            (None, Broken::Not) => {
                classes.saw("whole", true);
                prop_assert_eq!(&read, &frames);
            }
            (None, _) => {
                classes.saw("read otherwise", true);
                prop_assert_ne!(&read, &frames);
            }
            (Some(fault), _) => {
                prop_assert!(!matches!(broken, Broken::Not), "{}", fault);
                classes.saw(name_of(fault), true);
                if !read.is_empty() {
                    classes.saw("read before", true);
                }
            }
        }
        Ok(())
    });
}

proptest! {
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
    let page = include_str!("../../docs/PROTOCOL.md");
    let ends = ["| link |", "| exchange |", "| both |"];
    let is_code = |line: &&str| !line.starts_with("| 0x") && ends.iter().any(|end| line.ends_with(end));
    let rows = page.lines().filter(is_code);
    let listed: Vec<String> = rows.map(|row| row.rsplitn(3, '|').last().unwrap().trim().to_owned()).collect();
    let retry = |code: &RefusalCode| if code.retryable() { "yes" } else { "no" };
    let codes = RefusalCode::ALL.iter().map(|code| format!("| {} | {} | {}", code.number(), code.text(), retry(code)));
    assert_eq!(listed, codes.collect::<Vec<_>>());
}
