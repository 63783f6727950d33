//! Connections: how many there may be, in all and from one address, how long they may be idle, and how long the head of
//! a request may take.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::stream::Stream;
use crate::tls::Tls;

/// The answer to a connection for which its address has no place, as far as the client takes it.
const NO_PLACE: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 39\r\n\r\ntoo many connections from your address\n";

/// What ends the head of a request.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What all clients together may use, and one of them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the head of a request may take, from the connection or from its first byte on.
    pub head: Duration,
    /// How long a client may take to begin the next request, or to take a part of an answer.
    pub idle: Duration,
    /// How long the body of a request may take to arrive.
    pub body: Duration,
    /// How long a connection may last, whatever comes. Who has more to ask connects again.
    pub connection: Duration,
    /// Most connections at once.
    pub connections: usize,
    /// Most connections at once from one address.
    pub connections_of_one: usize,
    /// Whether the addresses of this machine may have as many as all: a proxy on it has one address for all its clients.
    pub trusts_loopback: bool,
}

/// Accepts as many connections as there are places, and no more from one address than it may have.
pub struct Listener {
    listener: tokio::net::TcpListener,
    places: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    limits: Limits,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Accepts connections within these limits, with TLS where there are certificates.
    pub(crate) fn new(
        listener: tokio::net::TcpListener,
        limits: Limits,
        tls: Option<Arc<Tls>>,
    ) -> Self {
        Self {
            tls,
            listener,
            places: Arc::new(Semaphore::new(limits.connections)),
            addresses: Arc::default(),
            limits,
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            // The semaphore is never closed.
            let place = self.places.clone().acquire_owned().await.ok();
            // The listener's own `accept` waits a little where the process has too many files open.
            let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
            let most = match self.limits.trusts_loopback && address.ip().is_loopback() {
                true => self.limits.connections,
                false => self.limits.connections_of_one,
            };
            let Some(counted) = Addresses::count(&self.addresses, address.ip(), most) else {
                // It waits for nothing: where there is no room for the answer, there is none.
                if self.tls.is_none() {
                    let _ = stream.try_write(NO_PLACE);
                }
                continue;
            };
            let stream = match &self.tls {
                None => Stream::Plain(stream),
                Some(tls) => Stream::Begun(Box::new(tls.accept(stream))),
            };
            let connection = Connection {
                stream,
                end: Box::pin(sleep(self.limits.connection)),
                head: Some(Box::pin(sleep(self.limits.head))),
                has_begun: true,
                matched: 0,
                head_time: self.limits.head,
                idle_time: self.limits.idle,
                _places: (place, counted),
            };
            return (connection, address);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The number of connections of each address.
#[derive(Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// A connection that is counted, until this is dropped.
struct Counted {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// Counts one more connection of an address; none if it has the most already.
    fn count(this: &Arc<Self>, address: IpAddr, most: usize) -> Option<Counted> {
        let address = client(address);
        let mut counts = this.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted {
            addresses: Arc::clone(this),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Each change is one step, so the numbers hold after a panic too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.addresses.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: one of version 4, also where it is written as one of version 6; of version 6 the first 64
/// bits, because a client has all addresses with the same ones.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    }
}

/// A connection that ends in time.
pub struct Connection {
    stream: Stream,
    end: Pin<Box<Sleep>>,
    /// When the head of the next request must have come, or begun; none from its end until the answer.
    head: Option<Pin<Box<Sleep>>>,
    /// Whether the head began, so that the time for it runs and no longer that for being idle.
    has_begun: bool,
    /// How many bytes of [`HEAD_END`] came last.
    matched: usize,
    head_time: Duration,
    idle_time: Duration,
    _places: (Option<OwnedSemaphorePermit>, Counted),
}

impl Connection {
    fn check_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let head = self.head.iter_mut();
        for end in head.chain([&mut self.end]) {
            if end.as_mut().poll(cx).is_ready() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Bytes of an answer were written: what comes next is the head of another request.
    fn note_written(&mut self) {
        self.matched = 0;
        self.has_begun = false;
        let end = tokio::time::Instant::now() + self.idle_time;
        match &mut self.head {
            Some(head) => head.as_mut().reset(end),
            None => self.head = Some(Box::pin(sleep(self.idle_time))),
        }
    }

    /// Looks for the end of a head in bytes that were read.
    fn note_read(&mut self, bytes: &[u8]) {
        if !self.has_begun && !bytes.is_empty() && self.head.is_some() {
            self.has_begun = true;
            self.head = Some(Box::pin(sleep(self.head_time)));
        }
        for byte in bytes {
            if self.head.is_none() {
                return;
            }
            self.matched = match *byte == HEAD_END[self.matched] {
                true => self.matched + 1,
                // The next end can only begin here.
                false => usize::from(*byte == HEAD_END[0]),
            };
            if self.matched == HEAD_END.len() {
                self.matched = 0;
                self.head = None;
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_time(cx)?;
        let before = buffer.filled().len();
        ready!(pin!(&mut self.stream).poll_read(cx, buffer))?;
        self.note_read(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_time(cx)?;
        let written = ready!(pin!(&mut self.stream).poll_write(cx, bytes))?;
        self.note_written();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_time(cx)?;
        let written = ready!(pin!(&mut self.stream).poll_write_vectored(cx, parts))?;
        self.note_written();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_time(cx)?;
        pin!(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_as_clients_have_them() {
        let all = Arc::default();
        let count = |address: &str| Addresses::count(&all, address.parse().unwrap(), 2);
        let first = (count("10.0.0.1"), count("::ffff:10.0.0.1"));
        assert!(first.0.is_some() && first.1.is_some());
        assert!(count("10.0.0.1").is_none() && count("10.0.0.2").is_some());
        drop(first);
        assert!(all.lock().is_empty());
        let network = (count("2001:db8::1"), count("2001:db8::ffff:2"));
        assert!(network.0.is_some() && network.1.is_some());
        assert!(count("2001:db8::3").is_none() && count("2001:db8:0:1::1").is_some());
    }
}
