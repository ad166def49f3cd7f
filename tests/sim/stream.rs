//! The connection between the hostile partner and its victim: streams on which who does not read holds up who writes, as
//! QUIC's windows do, and no more of them at once than are granted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

#[derive(Default)]
struct Channel {
    bytes: VecDeque<Bytes>,
    held: usize,
    /// How much is held before whoever writes must wait.
    window: usize,
    ended: bool,
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One direction of a stream; clones are its two ends.
#[derive(Clone, Default)]
pub struct Way(Arc<Mutex<Channel>>);

/// Nothing goes this way any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl Way {
    pub fn of(window: usize) -> Way {
        Way(Arc::new(Mutex::new(Channel { window, ..Channel::default() })))
    }

    /// The next bytes; `None` at the end.
    pub fn poll_read(&self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut channel = locked(&self.0);
        if channel.broken {
            return Poll::Ready(None);
        }
        if let Some(bytes) = channel.bytes.pop_front() {
            channel.held -= bytes.len();
            let writer = channel.writer.take();
            drop(channel);
            writer.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(bytes));
        }
        if channel.ended {
            return Poll::Ready(None);
        }
        channel.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Takes as much of what waits as there is room for; ready when nothing waits any more.
    pub fn poll_write(&self, context: &Context<'_>, waiting: &mut VecDeque<Bytes>) -> Poll<Result<(), Broken>> {
        let mut channel = locked(&self.0);
        if channel.broken {
            return Poll::Ready(Err(Broken));
        }
        while let Some(mut bytes) = waiting.pop_front() {
            let room = channel.window.saturating_sub(channel.held).min(bytes.len());
            let taken = bytes.split_to(room);
            channel.held += room;
            if room > 0 {
                channel.bytes.push_back(taken);
            }
            if !bytes.is_empty() {
                waiting.push_front(bytes);
                channel.writer = Some(context.waker().clone());
                break;
            }
        }
        let reader = channel.reader.take();
        drop(channel);
        reader.into_iter().for_each(Waker::wake);
        if waiting.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Ready when everything was read, or nobody reads any more.
    pub fn poll_delivered(&self, context: &Context<'_>) -> Poll<()> {
        let mut channel = locked(&self.0);
        if channel.broken || channel.bytes.is_empty() {
            return Poll::Ready(());
        }
        channel.writer = Some(context.waker().clone());
        Poll::Pending
    }

    /// Ends it behind what was written.
    pub fn end(&self) {
        self.wake(|channel| channel.ended = true);
    }

    /// Ends it here and now; what was not read yet is gone.
    pub fn break_off(&self) {
        self.wake(|channel| {
            channel.broken = true;
            channel.bytes.clear();
            channel.held = 0;
        });
    }

    fn wake(&self, change: impl FnOnce(&mut Channel)) {
        let (reader, writer) = {
            let mut channel = locked(&self.0);
            change(&mut channel);
            (channel.reader.take(), channel.writer.take())
        };
        reader.into_iter().chain(writer).for_each(Waker::wake);
    }
}

/// A stream that the hostile partner opened.
#[derive(Clone)]
pub struct Stream {
    /// Which of its connection's; the control stream is 0.
    pub number: u64,
    /// From who opened it to who answers.
    pub there: Way,
    pub back: Way,
}

impl Stream {
    /// `takes` is how much of the answers is held for who opened it, whether that is read or not.
    fn new(number: u64, takes: usize) -> Stream {
        Stream { number, there: Way::of(WINDOW), back: Way::of(takes) }
    }

    pub fn break_off(&self) {
        self.there.break_off();
        self.back.break_off();
    }
}

/// How much of one stream a node takes in before its driver reads it.
pub const WINDOW: usize = 64 * 1024;

struct Streams {
    closed: bool,
    opened: VecDeque<Stream>,
    all: Vec<Stream>,
    open: usize,
    granted: usize,
    /// Who waits, by the stream that they drive.
    wakers: BTreeMap<u64, Waker>,
}

/// One connection; clones are its two ends. Its control stream is there from the beginning.
#[derive(Clone)]
pub struct Connection {
    pub number: u64,
    pub control: Stream,
    streams: Arc<Mutex<Streams>>,
}

impl Connection {
    pub fn new(number: u64, takes: usize) -> Connection {
        let control = Stream::new(0, takes);
        let all = vec![control.clone()];
        let (opened, wakers) = (VecDeque::new(), BTreeMap::new());
        let streams = Streams { closed: false, opened, all, open: 0, granted: 0, wakers };
        Connection { number, control, streams: Arc::new(Mutex::new(streams)) }
    }

    /// Lets the other side have so many exchange streams open at once.
    pub fn grant(&self, streams: usize) {
        locked(&self.streams).granted = streams;
    }

    /// Another exchange stream, if there may be one.
    pub fn open(&self, takes: usize) -> Option<Stream> {
        let (stream, wakers) = {
            let mut streams = locked(&self.streams);
            if streams.closed || streams.open >= streams.granted {
                return None;
            }
            let stream = Stream::new(streams.all.len() as u64, takes);
            streams.open += 1;
            streams.opened.push_back(stream.clone());
            streams.all.push(stream.clone());
            (stream, std::mem::take(&mut streams.wakers))
        };
        wakers.into_values().for_each(Waker::wake);
        Some(stream)
    }

    /// An exchange stream is done with on this side: another may take its place.
    pub fn done(&self) {
        locked(&self.streams).open -= 1;
    }

    /// The next exchange stream that was opened.
    pub fn poll_accept(&self, context: &Context<'_>) -> Poll<Stream> {
        let mut streams = locked(&self.streams);
        match streams.opened.pop_front() {
            Some(stream) => Poll::Ready(stream),
            None => {
                streams.wakers.insert(0, context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Ready when it is closed; `stream` is the one that whoever asks drives.
    pub fn poll_closed(&self, context: &Context<'_>, stream: u64) -> Poll<()> {
        let mut streams = locked(&self.streams);
        if streams.closed {
            return Poll::Ready(());
        }
        streams.wakers.insert(stream, context.waker().clone());
        Poll::Pending
    }

    pub fn is_closed(&self) -> bool {
        locked(&self.streams).closed
    }

    /// Closes it: every stream on it ends.
    pub fn close(&self) {
        let (all, wakers) = {
            let mut streams = locked(&self.streams);
            streams.closed = true;
            streams.opened.clear();
            (std::mem::take(&mut streams.all), std::mem::take(&mut streams.wakers))
        };
        all.iter().for_each(Stream::break_off);
        wakers.into_values().for_each(Waker::wake);
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
