//! Frames over QUIC streams. Every future here is cancel-safe: it can be dropped at any point without losing data.

use bytes::Bytes;
use quinn::{RecvStream, SendStream};

use super::close::close_code;
use crate::envelope::Precedence;
use crate::wire::{Frame, FrameFault, FrameReader, RefusalCode};

/// The most chunks, each of one packet, that are read from the connection at once.
const READ_PIECES: usize = 64;
/// Stream priority above every precedence, for a starved stream.
const PRIORITY_STARVED: i32 = 100;

/// Reads the frames that a peer sends on one stream.
pub(in crate::edge) struct Incoming {
    stream: RecvStream,
    reader: FrameReader,
}

/// Why no frame was read.
#[derive(Debug)]
pub(in crate::edge) enum ReadFault {
    /// The stream or the connection ended.
    Ended,
    /// The bytes are not a valid frame.
    Frame(FrameFault),
}

impl Incoming {
    pub(in crate::edge) fn new(stream: RecvStream, data_max: usize) -> Incoming {
        Incoming { stream, reader: FrameReader::new(data_max) }
    }

    /// Reads the next frame. Cancel-safe.
    pub(in crate::edge) async fn next(&mut self) -> Result<Frame, ReadFault> {
        loop {
            if let Some(frame) = self.reader.next().map_err(ReadFault::Frame)? {
                return Ok(frame);
            }
            // Every read takes the connection's lock, so it reads as many chunks as there are.
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
    pub(in crate::edge) fn stop(&mut self, code: RefusalCode) {
        // Fails only if the stream has ended already.
        let _ = self.stream.stop(close_code(code));
    }
}

/// Writes the frames sent on one stream.
pub(in crate::edge) struct Outgoing {
    stream: SendStream,
    waiting: Vec<Bytes>,
    precedence: i32,
}

impl Outgoing {
    pub(in crate::edge) fn new(stream: SendStream) -> Outgoing {
        Outgoing { stream, waiting: Vec::new(), precedence: 0 }
    }

    /// Sets the priority of this stream over those of lower precedence.
    pub(in crate::edge) fn set_precedence(&mut self, precedence: Precedence) {
        self.precedence = match precedence {
            Precedence::Routine => 0,
            Precedence::Priority => 1,
            Precedence::Immediate => 2,
            Precedence::Flash => 3,
        };
        let _ = self.stream.set_priority(self.precedence);
    }

    /// Gives this stream priority over every other until what is queued now is written.
    pub(in crate::edge) fn expedite(&mut self) {
        let _ = self.stream.set_priority(PRIORITY_STARVED);
    }

    /// Queues a frame; nothing is sent before [`Outgoing::flush`].
    pub(in crate::edge) fn queue(&mut self, frame: &Frame) {
        match frame {
            Frame::Data(payload) => {
                self.waiting.push(Bytes::copy_from_slice(&Frame::data_header(payload.len())));
                self.waiting.push(payload.clone());
            }
            other => self.waiting.push(other.encode().into()),
        }
    }

    /// Whether queued bytes wait to be written.
    pub(in crate::edge) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes everything queued to the connection. Cancel-safe.
    pub(in crate::edge) async fn flush(&mut self) -> Result<(), Broken> {
        while !self.waiting.is_empty() {
            self.stream.write_chunks(&mut self.waiting).await.map_err(|_| Broken)?;
            self.waiting.retain(|chunk| !chunk.is_empty());
        }
        let _ = self.stream.set_priority(self.precedence);
        Ok(())
    }

    /// Finishes the stream after everything that was flushed.
    pub(in crate::edge) fn finish(&mut self) {
        let _ = self.stream.finish();
    }

    /// Waits until the peer has everything, or has stopped reading.
    pub(in crate::edge) async fn delivered(&mut self) {
        let _ = self.stream.stopped().await;
    }

    /// Resets the stream, so that the peer cannot mistake what it received for a complete one.
    pub(in crate::edge) fn reset(&mut self, code: RefusalCode) {
        let _ = self.stream.reset(close_code(code));
    }
}

/// The stream or the connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::edge) struct Broken;
