//! Answers on their way from a thread to a connection.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::message::Head;

/// Bytes of a part of an answer.
const PART: usize = 16 * 1024;

/// Parts that wait for the client. Answers that are no longer than these are made without waiting for it.
const PARTS: usize = 64;

type Part = io::Result<Bytes>;

/// What an app gives to a client.
pub(crate) struct Start {
    pub(crate) head: Head,
    pub(crate) body: Body,
}

/// A body: all of it, its parts as they are made, or what a feed gives whenever its bell rings.
pub(crate) enum Body {
    Whole(Bytes),
    Parts(mpsc::Receiver<Part>),
    Feed(watch::Receiver<u64>, Box<dyn Feed>),
}

/// What one follower is given, part by part.
pub trait Feed: Send + 'static {
    /// What the follower is to be given next. It is asked where the bytes of all connections move, so it must not wait.
    fn next(&mut self) -> Next;

    /// Makes the part that [`Next::Make`] announced; it is asked on a thread.
    ///
    /// # Errors
    /// What ends the answer.
    fn make(&mut self) -> io::Result<Bytes>;
}

/// What a follower is to be given next.
pub enum Next {
    /// Nothing before the bell rings.
    Nothing,
    /// This part, which other followers may share.
    Part(Bytes),
    /// A part of its own, which [`Feed::make`] makes.
    Make,
}

/// What becomes of a request.
pub(crate) enum Became {
    /// An answer.
    Started(Start),
    /// An answer that is made now, where the bytes of all connections move.
    Make(Make),
}

/// Makes an answer.
pub(crate) type Make = Box<dyn FnOnce(&mut Reply) + Send>;

/// Where an answer goes. Dropped without one, the client is told that the server failed.
pub struct Reply {
    start: Option<oneshot::Sender<Became>>,
    status: u16,
    is_later: bool,
    /// Threads on which an answer may be made later that takes long.
    threads: Handle,
}

/// An answer that is made later, while no thread waits. Dropped without one, the client is told that the server failed.
pub struct Later {
    reply: Reply,
}

impl Later {
    /// Makes the answer in a moment, on the thread that moves the bytes of all connections: nothing may wait there. Returns
    /// at once.
    pub fn make(mut self, make: impl FnOnce(&mut Reply) + Send + 'static) {
        let start = self.reply.start.take();
        let sent = start.map(|start| start.send(Became::Make(Box::new(make))));
        if let Some(Err(Became::Make(make))) = sent {
            // The client is gone, and whoever makes the answer goes on from it all the same.
            self.make_waiting(make);
        }
    }

    /// As [`Later::make`], on one of many threads, where it may wait or take long.
    pub fn make_waiting(mut self, make: impl FnOnce(&mut Reply) + Send + 'static) {
        let threads = self.reply.threads.clone();
        // What it panics with, the client is told as a failure: the reply is dropped.
        let _making = threads.spawn_blocking(move || make(&mut self.reply));
    }
}

impl Reply {
    pub(crate) fn new(threads: Handle) -> (Self, oneshot::Receiver<Became>) {
        let (start, started) = oneshot::channel();
        let reply = Self {
            start: Some(start),
            status: 500,
            is_later: false,
            threads,
        };
        (reply, started)
    }

    /// Takes the answer out, to be made later: this reply then counts as begun.
    pub fn later(&mut self) -> Later {
        self.is_later = true;
        let reply = Self {
            start: self.start.take(),
            status: self.status,
            is_later: false,
            threads: self.threads.clone(),
        };
        Later { reply }
    }

    /// Whether the answer was taken out, to be made later.
    pub fn is_later(&self) -> bool {
        self.is_later
    }

    /// The status of the answer; 500 as long as there is none.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether an answer was begun.
    pub fn has_begun(&self) -> bool {
        self.start.is_none()
    }

    fn start(&mut self, head: Head, body: Body) {
        if let Some(start) = self.start.take() {
            self.status = head.status;
            // The client may be gone.
            let _gone = start.send(Became::Started(Start { head, body }));
        }
    }

    /// Answers with a body as a whole. Only the first answer counts.
    pub fn send(&mut self, head: Head, body: impl Into<Vec<u8>>) {
        self.start(head, Body::Whole(body.into().into()));
    }

    /// Begins an answer whose body is written part by part, and ends with [`Writer::finish`].
    pub fn begin(&mut self, head: Head) -> Writer {
        let (parts, body) = mpsc::channel(PARTS);
        self.start(head, Body::Parts(body));
        Writer {
            parts,
            part: Vec::with_capacity(PART),
            is_finished: false,
        }
    }

    /// Answers with what `feed` gives now and whenever the bell rings, until the client leaves, the feed fails or the
    /// server stops.
    pub fn follow(&mut self, head: Head, bell: &Bell, feed: impl Feed) {
        self.start(head, Body::Feed(bell.0.subscribe(), Box::new(feed)));
    }
}

/// Writes the body of an answer. Dropped before [`Writer::finish`], the answer is cut off.
pub struct Writer {
    parts: mpsc::Sender<Part>,
    part: Vec<u8>,
    is_finished: bool,
}

impl Writer {
    fn pass_on(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART));
        let sent = self.parts.blocking_send(Ok(part.into()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] where the client is gone.
    pub fn finish(mut self) -> io::Result<()> {
        let passed = self.pass_on();
        self.is_finished = true;
        passed
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_finished {
            let broken = io::Error::other("the answer could not be finished");
            let _gone = self.parts.blocking_send(Err(broken));
        }
    }
}

/// What followers wait for.
#[derive(Debug)]
pub struct Bell(watch::Sender<u64>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Bell {
    /// Wakes all followers.
    pub fn ring(&self) {
        self.0.send_modify(|rings| *rings += 1);
    }

    /// How many follow.
    pub fn followers(&self) -> usize {
        self.0.receiver_count()
    }
}

/// Parts as the body of an answer.
pub(crate) struct Parts(pub(crate) mpsc::Receiver<Part>);

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let part = self.0.poll_recv(cx);
        part.map(|part| part.map(|part| part.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
