//! Frames: the encoding of messages in a stream, and an incremental reader.
//!
//! Every frame begins with a 32-bit big-endian length that does not count itself, and an 8-bit type. A Data frame is
//! followed by payload. A control frame is followed by the 32-bit length of its message, the message, and zeros up to
//! the next size class, so that its length reveals little about its content.

use std::fmt;

use bytes::{Buf as _, Bytes, BytesMut};

use super::message::{Accept, Cancel, Consistency, End, Goodbye, Hello, Offer, Ping, Ready, Receipt, Refuse, Restart};
use super::{CONTROL_FRAME_BYTES_MAX, DATA_BYTES_MAX, RefusalCode};
use crate::digest;

/// The lengths that a control frame may have, length field included, in bytes.
pub const SIZE_CLASSES: [usize; 5] = [256, 1024, 4096, 16 * 1024, CONTROL_FRAME_BYTES_MAX];

/// Length of the length field and the type in bytes.
const HEADER_BYTES: usize = 5;
/// Length of the header and the message length in bytes.
const CONTROL_HEADER_BYTES: usize = 9;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant carries the message of its own name, documented there")]
pub enum Frame {
    Hello(Hello),
    Goodbye(Goodbye),
    Ping(Ping),
    Pong(Ping),
    Consistency(Consistency),
    Offer(Offer),
    Accept(Accept),
    Refuse(Refuse),
    Receipt(Receipt),
    /// Payload bytes, in order; never empty.
    Data(Bytes),
    End(End),
    Cancel(Cancel),
    Restart(Restart),
    Ready(Ready),
}

/// The type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each names the frame of its own name")]
pub enum FrameKind {
    Hello = 0x01,
    Goodbye = 0x02,
    Ping = 0x03,
    Pong = 0x04,
    Consistency = 0x05,
    Offer = 0x10,
    Accept = 0x11,
    Refuse = 0x12,
    Receipt = 0x13,
    Data = 0x14,
    End = 0x15,
    Cancel = 0x16,
    Restart = 0x17,
    Ready = 0x18,
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameKind::Hello => "hello",
            FrameKind::Goodbye => "goodbye",
            FrameKind::Ping => "ping",
            FrameKind::Pong => "pong",
            FrameKind::Consistency => "consistency",
            FrameKind::Offer => "offer",
            FrameKind::Accept => "accept",
            FrameKind::Refuse => "refuse",
            FrameKind::Receipt => "receipt",
            FrameKind::Data => "data",
            FrameKind::End => "end",
            FrameKind::Cancel => "cancel",
            FrameKind::Restart => "restart",
            FrameKind::Ready => "ready",
        })
    }
}

impl FrameKind {
    /// Every type, by number.
    pub const ALL: [FrameKind; 14] = [
        FrameKind::Hello,
        FrameKind::Goodbye,
        FrameKind::Ping,
        FrameKind::Pong,
        FrameKind::Consistency,
        FrameKind::Offer,
        FrameKind::Accept,
        FrameKind::Refuse,
        FrameKind::Receipt,
        FrameKind::Data,
        FrameKind::End,
        FrameKind::Cancel,
        FrameKind::Restart,
        FrameKind::Ready,
    ];

    /// Returns the number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }

    fn from_number(number: u8) -> Option<FrameKind> {
        FrameKind::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// Why bytes are not a frame. Every one of these closes the stream with [`RefusalCode::ProtocolError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// A type that this version does not define.
    #[error("frame type {0:#04x} is not known")]
    Kind(u8),
    /// Longer than its type allows, empty, or not a size class.
    #[error("a frame of type {kind} may not be {length} bytes long")]
    Length {
        /// The frame's type.
        kind: FrameKind,
        /// The value of its length field.
        length: u32,
    },
    /// Padding that is not zeros, or a size class larger than needed.
    #[error("a frame of type {0} is not padded as it must be")]
    Padding(FrameKind),
    /// The message is not in canonical form, or a value is out of range.
    #[error("the message in a frame of type {0} is malformed or not canonical")]
    Message(FrameKind),
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
}

impl From<&FrameFault> for RefusalCode {
    fn from(_: &FrameFault) -> RefusalCode {
        RefusalCode::ProtocolError
    }
}

impl Frame {
    /// Returns the frame's type.
    pub fn kind(&self) -> FrameKind {
        match self {
            Frame::Hello(_) => FrameKind::Hello,
            Frame::Goodbye(_) => FrameKind::Goodbye,
            Frame::Ping(_) => FrameKind::Ping,
            Frame::Pong(_) => FrameKind::Pong,
            Frame::Consistency(_) => FrameKind::Consistency,
            Frame::Offer(_) => FrameKind::Offer,
            Frame::Accept(_) => FrameKind::Accept,
            Frame::Refuse(_) => FrameKind::Refuse,
            Frame::Receipt(_) => FrameKind::Receipt,
            Frame::Data(_) => FrameKind::Data,
            Frame::End(_) => FrameKind::End,
            Frame::Cancel(_) => FrameKind::Cancel,
            Frame::Restart(_) => FrameKind::Restart,
            Frame::Ready(_) => FrameKind::Ready,
        }
    }

    /// Encodes the frame.
    ///
    /// # Panics
    /// If the frame was constructed with values outside the bounds that [`Offer::check`] and the other checks
    /// enforce.
    pub fn encode(&self) -> Vec<u8> {
        let message = match self {
            Frame::Data(bytes) => {
                let mut all = Frame::data_header(bytes.len()).to_vec();
                all.extend_from_slice(bytes);
                return all;
            }
            Frame::Hello(m) => digest::encode(m),
            Frame::Goodbye(m) => digest::encode(m),
            Frame::Ping(m) | Frame::Pong(m) => digest::encode(m),
            Frame::Consistency(m) => digest::encode(m),
            Frame::Offer(m) => digest::encode(m),
            Frame::Accept(m) => digest::encode(m),
            Frame::Refuse(m) => digest::encode(m),
            Frame::Receipt(m) => digest::encode(m),
            Frame::End(m) => digest::encode(m),
            Frame::Cancel(m) => digest::encode(m),
            Frame::Restart(m) => digest::encode(m),
            Frame::Ready(m) => digest::encode(m),
        };
        // INVARIANT: the bounds of messages keep every message within the largest size class.
        let total = size_class(message.len()).expect("a message within its bounds fits a control frame");
        let mut all = Vec::with_capacity(total);
        all.extend_from_slice(&length_field(total - 4));
        all.push(self.kind().number());
        all.extend_from_slice(&length_field(message.len()));
        all.extend_from_slice(&message);
        all.resize(total, 0);
        all
    }

    /// Returns the five bytes that precede `length` payload bytes, so that a sender need not copy the payload.
    pub fn data_header(length: usize) -> [u8; HEADER_BYTES] {
        debug_assert!((1..=DATA_BYTES_MAX).contains(&length), "a Data frame carries 1 to 262144 bytes");
        let [a, b, c, d] = length_field(length + 1);
        [a, b, c, d, FrameKind::Data.number()]
    }
}

/// Parses frames from a stream of bytes. It buffers at most one frame and what was pushed with its last bytes.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    data_max: usize,
}

impl FrameReader {
    /// Returns a reader that accepts Data frames of at most `data_max` payload bytes.
    pub fn new(data_max: usize) -> FrameReader {
        FrameReader { buffer: BytesMut::new(), data_max: data_max.min(DATA_BYTES_MAX) }
    }

    /// Adds bytes of the stream. Call [`FrameReader::next`] until it returns `None` before adding more; then the
    /// buffer never exceeds one frame and one push.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete frame, if it has arrived.
    ///
    /// # Errors
    /// [`FrameFault`] as soon as the bytes cannot become a frame; nothing after that can be parsed.
    #[allow(clippy::should_implement_trait, reason = "an iterator would hide that `None` means `not yet`")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameFault> {
        let Some((header, _)) = self.buffer.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let [a, b, c, d, number] = *header;
        let length = u32::from_be_bytes([a, b, c, d]);
        let kind = FrameKind::from_number(number).ok_or(FrameFault::Kind(number))?;
        let total = self.total(kind, length).ok_or(FrameFault::Length { kind, length })?;
        if self.buffer.len() < total {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(total).freeze();
        if kind == FrameKind::Data {
            frame.advance(HEADER_BYTES);
            return Ok(Some(Frame::Data(frame)));
        }
        decode_control(kind, &frame).map(Some)
    }

    /// Reports the end of the stream.
    ///
    /// # Errors
    /// [`FrameFault::Truncated`] if it ended inside a frame.
    pub fn finish(&self) -> Result<(), FrameFault> {
        if self.buffer.is_empty() { Ok(()) } else { Err(FrameFault::Truncated) }
    }

    /// Returns the number of buffered bytes.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    fn total(&self, kind: FrameKind, length: u32) -> Option<usize> {
        let length = usize::try_from(length).ok()?;
        let total = length.checked_add(4)?;
        let fits = match kind {
            FrameKind::Data => (2..=self.data_max + 1).contains(&length),
            _ => SIZE_CLASSES.contains(&total),
        };
        fits.then_some(total)
    }
}

fn decode_control(kind: FrameKind, frame: &[u8]) -> Result<Frame, FrameFault> {
    let malformed = FrameFault::Message(kind);
    let Some((length, rest)) = frame[HEADER_BYTES..].split_first_chunk::<4>() else { return Err(malformed) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| FrameFault::Message(kind))?;
    let (message, padding) = rest.split_at_checked(length).ok_or(FrameFault::Padding(kind))?;
    if size_class(length) != Some(frame.len()) || padding.iter().any(|b| *b != 0) {
        return Err(FrameFault::Padding(kind));
    }
    let frame = match kind {
        FrameKind::Hello => digest::decode(message).map(Frame::Hello),
        FrameKind::Goodbye => digest::decode(message).map(Frame::Goodbye),
        FrameKind::Ping => digest::decode(message).map(Frame::Ping),
        FrameKind::Pong => digest::decode(message).map(Frame::Pong),
        FrameKind::Consistency => digest::decode(message).map(Frame::Consistency),
        FrameKind::Offer => digest::decode(message).map(Frame::Offer),
        FrameKind::Accept => digest::decode(message).map(Frame::Accept),
        FrameKind::Refuse => digest::decode(message).map(Frame::Refuse),
        FrameKind::Receipt => digest::decode(message).map(Frame::Receipt),
        FrameKind::End => digest::decode(message).map(Frame::End),
        FrameKind::Cancel => digest::decode(message).map(Frame::Cancel),
        FrameKind::Restart => digest::decode(message).map(Frame::Restart),
        FrameKind::Ready => digest::decode(message).map(Frame::Ready),
        FrameKind::Data => return Err(malformed),
    };
    let frame = frame.map_err(|_| FrameFault::Message(kind))?;
    let bounded = match &frame {
        Frame::Hello(m) => m.check(),
        Frame::Consistency(m) => m.check(),
        Frame::Offer(m) => m.check(),
        Frame::Receipt(m) => m.check(),
        Frame::End(m) => m.check(),
        _ => Ok(()),
    };
    bounded.map(|()| frame).map_err(|_| malformed)
}

fn size_class(message: usize) -> Option<usize> {
    let needed = message.checked_add(CONTROL_HEADER_BYTES)?;
    SIZE_CLASSES.into_iter().find(|class| *class >= needed)
}

fn length_field(length: usize) -> [u8; 4] {
    // INVARIANT: no frame is longer than DATA_BYTES_MAX and a few bytes.
    u32::try_from(length).expect("a frame's length fits 32 bits").to_be_bytes()
}
