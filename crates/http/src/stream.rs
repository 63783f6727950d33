//! The bytes of a connection, with TLS or without.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

/// What bytes come from and go to.
pub(crate) enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// The client has not said all that is needed for TLS.
    Begun(Box<Accept<TcpStream>>),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// The client did not want TLS as it is spoken here.
    Failed,
}

impl Stream {
    /// Waits until bytes can be read or written. Nobody else waits meanwhile.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Begun(accept) = self {
            let accepted = ready!(Pin::new(accept).poll(cx));
            *self = match accepted {
                Ok(stream) => Self::Tls(Box::new(stream)),
                Err(error) => {
                    *self = Self::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        Poll::Ready(Ok(()))
    }
}

fn failed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_ready(cx))?;
        match &mut *self {
            Self::Plain(stream) => pin!(stream).poll_read(cx, buffer),
            Self::Tls(stream) => pin!(stream).poll_read(cx, buffer),
            Self::Begun(_) | Self::Failed => failed(),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(cx))?;
        match &mut *self {
            Self::Plain(stream) => pin!(stream).poll_write(cx, bytes),
            Self::Tls(stream) => pin!(stream).poll_write(cx, bytes),
            Self::Begun(_) | Self::Failed => failed(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(cx))?;
        match &mut *self {
            Self::Plain(stream) => pin!(stream).poll_write_vectored(cx, parts),
            Self::Tls(stream) => pin!(stream).poll_write_vectored(cx, parts),
            Self::Begun(_) | Self::Failed => failed(),
        }
    }

    /// Without TLS, parts that many are sent need not be copied for each of them.
    fn is_write_vectored(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => pin!(stream).poll_flush(cx),
            Self::Tls(stream) => pin!(stream).poll_flush(cx),
            // Nothing was written.
            Self::Begun(_) | Self::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => pin!(stream).poll_shutdown(cx),
            Self::Tls(stream) => pin!(stream).poll_shutdown(cx),
            Self::Begun(_) | Self::Failed => Poll::Ready(Ok(())),
        }
    }
}
