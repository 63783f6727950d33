//! What a server asks for answers.

use crate::message::Request;
use crate::reply::Reply;

/// What answers requests. It is asked on threads, several at once.
pub trait App: Send + Sync + 'static {
    /// Answers a request. An answer that was begun and not finished is cut off, so that the client notices.
    fn answer(&self, request: &Request, reply: &mut Reply);

    /// Whether the answer may take a processor for seconds. Such answers are made apart, a few at once and with lower
    /// priority, so that the others do not wait for them.
    fn is_long(&self, _: &Request) -> bool {
        false
    }

    /// Whether a request that changes something is taken in a moment, without waiting for others or for a disk: its answer
    /// is [made later](crate::Later). It is taken on the thread that moves the bytes of all connections.
    fn is_brief(&self, _: &Request) -> bool {
        false
    }

    /// The most bytes that the body of a request may have.
    fn body_limit(&self, method: &str, path: &str) -> usize;

    /// Is told of a request that the server refused by itself: its body was too long, or took too long.
    fn refused(&self, request: &Request, status: u16);
}
