//! An HTTP/1.1 server for programs that answer on threads, with TLS or without.
//!
//! An [`App`] takes a whole [`Request`] and gives its answer to a [`Reply`]: at once, part by part, or as a stream that
//! goes on for as long as the client listens. The [`Server`] bounds what clients take up, in bytes, in time and in
//! connections ([`connections::Limits`]), and finishes what is under way when it is told to stop.

mod app;
pub mod connections;
mod message;
mod priority;
mod reply;
mod running;
mod server;
mod stream;
mod tls;

pub use app::App;
pub use message::{Head, Request};
pub use priority::let_others_go_first;
pub use reply::{Bell, Feed, Later, Next, Reply, Writer};
pub use running::{HungUp, Running};
pub use server::Server;
pub use tls::{Tls, TlsError};

#[cfg(test)]
mod tests;
