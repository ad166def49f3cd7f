//! Frames over QUIC streams, in pieces that can be dropped at any point without losing track.

use std::time::Instant;

use bytes::Bytes;
use quinn::{ConnectionError, RecvStream, SendStream, VarInt};

use crate::envelope::Precedence;
use crate::time::Time;
use crate::wire::{Frame, FrameFault, FrameReader, RefusalCode};

/// Pieces, each of one packet, that are read from the connection at once.
const READ_PIECES: usize = 64;
/// Above every precedence: for what has waited too long, so that nothing starves.
const PRIORITY_STARVED: i32 = 100;

/// The core's timers run on this: milliseconds since the edge started, which no clock step moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Monotonic(Instant);

impl Monotonic {
    pub(super) fn start() -> Monotonic {
        Monotonic(Instant::now())
    }

    pub(super) fn now(self) -> Time {
        Time::from_unix_ms(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Completes at `deadline`; never, if there is none.
    pub(super) async fn until(self, deadline: Option<Time>) {
        match deadline {
            Some(at) => tokio::time::sleep(at.since(self.now())).await,
            None => std::future::pending().await,
        }
    }
}

/// The frames a peer sends on one stream.
pub(super) struct Incoming {
    stream: RecvStream,
    reader: FrameReader,
}

/// Why no frame came.
#[derive(Debug)]
pub(super) enum ReadFault {
    /// The stream or the connection ended.
    Ended,
    /// What came is not a frame.
    Frame(FrameFault),
}

impl Incoming {
    pub(super) fn new(stream: RecvStream, data_max: usize) -> Incoming {
        Incoming { stream, reader: FrameReader::new(data_max) }
    }

    /// The next frame. Dropping the future before it completes loses nothing.
    pub(super) async fn next(&mut self) -> Result<Frame, ReadFault> {
        loop {
            if let Some(frame) = self.reader.next().map_err(ReadFault::Frame)? {
                return Ok(frame);
            }
            // Each reading takes the lock that the connection works under, so it takes all there is.
            let mut pieces = [const { Bytes::new() }; READ_PIECES];
            match self.stream.read_chunks(&mut pieces).await {
                Ok(Some(count)) => pieces[..count].iter().for_each(|piece| self.reader.push(piece)),
                Ok(None) => {
                    self.reader.finish().map_err(ReadFault::Frame)?;
                    return Err(ReadFault::Ended);
                }
                Err(_) => return Err(ReadFault::Ended),
            }
        }
    }

    /// Tells the peer that no more will be read.
    pub(super) fn stop(&mut self, code: RefusalCode) {
        // Fails only if the stream has ended already.
        let _ = self.stream.stop(close_code(code));
    }
}

/// The frames we send on one stream.
pub(super) struct Outgoing {
    stream: SendStream,
    waiting: Vec<Bytes>,
    precedence: i32,
}

impl Outgoing {
    pub(super) fn new(stream: SendStream) -> Outgoing {
        Outgoing { stream, waiting: Vec::new(), precedence: 0 }
    }

    /// Lets this stream overtake those of lower precedence.
    pub(super) fn set_precedence(&mut self, precedence: Precedence) {
        self.precedence = match precedence {
            Precedence::Routine => 0,
            Precedence::Priority => 1,
            Precedence::Immediate => 2,
            Precedence::Flash => 3,
        };
        let _ = self.stream.set_priority(self.precedence);
    }

    /// Lets this stream overtake every other until what waits now is written.
    pub(super) fn hasten(&mut self) {
        let _ = self.stream.set_priority(PRIORITY_STARVED);
    }

    /// Queues a frame; nothing is sent before [`Outgoing::flush`].
    pub(super) fn queue(&mut self, frame: &Frame) {
        match frame {
            Frame::Data(payload) => {
                self.waiting.push(Bytes::copy_from_slice(&Frame::data_header(payload.len())));
                self.waiting.push(payload.clone());
            }
            other => self.waiting.push(other.encode().into()),
        }
    }

    /// Whether queued bytes wait to be written.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Hands everything queued to the connection. Dropping the future before it completes loses nothing.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        while !self.waiting.is_empty() {
            self.stream.write_chunks(&mut self.waiting).await.map_err(|_| Broken)?;
            self.waiting.retain(|chunk| !chunk.is_empty());
        }
        let _ = self.stream.set_priority(self.precedence);
        Ok(())
    }

    /// Ends the stream after everything that was flushed.
    pub(super) fn finish(&mut self) {
        let _ = self.stream.finish();
    }

    /// Waits until the peer has everything, or has stopped reading.
    pub(super) async fn delivered(&mut self) {
        let _ = self.stream.stopped().await;
    }

    /// Breaks the stream off, so that the peer cannot take what it has for everything.
    pub(super) fn reset(&mut self, code: RefusalCode) {
        let _ = self.stream.reset(close_code(code));
    }
}

/// The stream or the connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Why a connection ended, in our own words: what its peer says of it in words of its own is shown and logged nowhere.
pub(super) fn reason_of(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let number = close.error_code.into_inner();
            let code = u16::try_from(number).ok().and_then(|number| RefusalCode::try_from(number).ok());
            code.map_or_else(
                || format!("closed by the peer with code {number}"),
                |code| format!("closed by the peer: {code}"),
            )
        }
        ConnectionError::ConnectionClosed(close) => format!("closed by the peer's transport: {}", close.error_code),
        // Its words are our own library's.
        ConnectionError::TransportError(_)
        | ConnectionError::VersionMismatch
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => error.to_string(),
    }
}

/// A refusal code as a QUIC application error code.
pub(super) fn close_code(code: RefusalCode) -> VarInt {
    VarInt::from_u32(u32::from(code.number()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_of_an_end_in_its_own_words_is_not_said_again() {
        let words = || Bytes::from_static("EXERCISE \u{1b}[2J\u{202e} words".as_bytes());
        let closed = |code| {
            let error_code = VarInt::from_u32(code);
            ConnectionError::ApplicationClosed(quinn::ApplicationClose { error_code, reason: words() })
        };
        assert_eq!(reason_of(&closed(3)), "closed by the peer: not authorised (3)");
        assert_eq!(reason_of(&closed(9999)), "closed by the peer with code 9999");
        let transport = quinn::ConnectionClose {
            error_code: quinn::TransportErrorCode::INTERNAL_ERROR,
            frame_type: None,
            reason: words(),
        };
        let said = reason_of(&ConnectionError::ConnectionClosed(transport));
        assert!(said.starts_with("closed by the peer's transport: ") && !said.contains("EXERCISE"), "{said}");
        assert_eq!(reason_of(&ConnectionError::TimedOut), "timed out");
    }
}
