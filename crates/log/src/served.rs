//! A ledger's directory that another process serves: its log, reached through a Unix socket in the directory.
//!
//! One process at a time has a ledger open, and a server has it open for long. So a server lends its log to the other
//! processes of the same user. Such a process opens the log as ever: whoever gets the lock opens the directory itself,
//! and while a server has the lock, its socket leads to the same log, [`Log`] for [`Log`]. Everything else stays with
//! the process that asks: it replays, checks, signs and binds, and the server appends what it is given if the head is
//! still the expected one. Nothing above a log knows the difference.
//!
//! - `socket.rs`: the socket, and whose processes may use it.
//! - `message.rs`: what the two say to each other, in frames of at most [`MAX_FRAME`] bytes.
//! - `client.rs`: the log of the process that asks. Where the server ends, it opens the directory itself.
//! - `host.rs`: the server. A stream is taken in whole before the log is touched, so that a client that stalls holds up
//!   nobody.
//!
//! A server that was killed leaves its socket behind. Nobody answers there, so the lock decides, and the next server
//! takes the socket's place.

mod client;
mod host;
mod message;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use client::open;
pub use host::{Host, Hosting, MAX_CLIENTS, Work};
pub use message::MAX_FRAME;
pub use socket::SOCKET;

#[cfg(doc)]
use crate::log::Log;
