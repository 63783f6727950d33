//! A [`Witness`] over HTTP: C2SP tlog-witness 1.0.0.
//!
//! ```text
//! POST /add-checkpoint              asks for a cosignature
//! GET  /<origin hash>/checkpoint    the checkpoint cosigned last, for monitors
//! GET  /                            a line with the witness's name and key
//! ```
//!
//! Without TLS: to offer it beyond this machine, put a proxy that speaks TLS before it. Anybody may ask; the cost of
//! a request is bounded in bytes, in time and in connections at once, also in those of one address. Behind a proxy all
//! clients have its address, so that the proxy has to bound what each of them takes up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Answer, Witness};
use servanda_http::connections::Limits;
use servanda_http::{App, Head, Reply, Request};

/// The default address of a witness: this machine only.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8378";

/// Longest body of a request. A proof has less than 3 KiB; the rest is for the checkpoint's signatures.
pub const MAX_BODY: usize = 64 * 1024;

/// Most connections at once. More wait in the system's queue.
pub const MAX_CONNECTIONS: usize = 256;

/// Most connections at once from one address, or from the 64 bits of a network of IP version 6. More are refused.
pub const MAX_CONNECTIONS_OF_ONE: usize = 32;

/// How long the head of a request may take to arrive, in seconds.
pub const HEAD_SECONDS: u64 = 5;

/// How long its body may take then, in seconds.
pub const BODY_SECONDS: u64 = 10;

/// How long a connection may last, in seconds.
pub const CONNECTION_SECONDS: u64 = 60;

const LIMITS: Limits = Limits {
    head: Duration::from_secs(HEAD_SECONDS),
    idle: Duration::from_secs(HEAD_SECONDS),
    body: Duration::from_secs(BODY_SECONDS),
    connection: Duration::from_secs(CONNECTION_SECONDS),
    connections: MAX_CONNECTIONS,
    connections_of_one: MAX_CONNECTIONS_OF_ONE,
    trusts_loopback: false,
};

const TEXT: &str = "text/plain; charset=utf-8";

/// A witness bound to an address; it answers once it runs.
pub type Server = servanda_http::Server<Answering>;

/// A witness, as it is asked.
pub struct Answering {
    witness: Witness,
    watch: Box<dyn Fn(&Answer) + Send + Sync>,
}

/// Listens on an address; with port 0 on one that is free. Calls `watch` with every answer, for the operator of the
/// witness: a log that forks shows it here.
///
/// # Errors
/// What the system says: the address may be in use.
pub fn bind(
    witness: Witness,
    listen: SocketAddr,
    watch: impl Fn(&Answer) + Send + Sync + 'static,
) -> io::Result<Server> {
    let watch = Box::new(watch);
    let answering = Answering { witness, watch };
    Server::bind(Arc::new(answering), listen, LIMITS)
}

impl App for Answering {
    fn answer(&self, request: &Request, reply: &mut Reply) {
        let method = match request.method.as_str() {
            "HEAD" => "GET",
            method => method,
        };
        let origin_hash = request.path.strip_suffix("/checkpoint");
        let origin_hash = origin_hash.and_then(|path| path.strip_prefix('/'));
        match (method, request.path.as_str(), origin_hash) {
            ("GET", "/", _) => {
                let key = self.witness.verifier();
                let line = format!("servanda witness {} {key}\n", key.name());
                reply.send(Head::new(200, TEXT), line);
            }
            ("POST", "/add-checkpoint", _) => self.add(&request.body, reply),
            ("GET", _, Some(hash)) if !hash.contains('/') => self.latest(hash, reply),
            (_, "/", _) => refuse(reply, "GET, HEAD"),
            (_, "/add-checkpoint", _) => refuse(reply, "POST"),
            (_, _, Some(hash)) if !hash.contains('/') => refuse(reply, "GET, HEAD"),
            _ => reply.send(Head::new(404, TEXT), "there is no such page\n"),
        }
    }

    fn body_limit(&self, _: &str, _: &str) -> usize {
        MAX_BODY
    }

    fn refused(&self, _: &Request, _: u16) {}
}

/// Refuses a method, where others are answered.
fn refuse(reply: &mut Reply, allowed: &'static str) {
    let head = Head::new(405, TEXT).with("allow", allowed);
    reply.send(head, "this is asked in another way\n");
}

impl Answering {
    fn add(&self, body: &[u8], reply: &mut Reply) {
        // A clock before 1970 is refused as one at 1970.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = since.map_or(0, |since| since.as_secs());
        let answer = self.witness.add_checkpoint(body, now);
        (self.watch)(&answer);
        let head = Head::new(answer.status(), answer.content_type());
        reply.send(head, answer.body());
    }

    fn latest(&self, origin_hash: &str, reply: &mut Reply) {
        match self.witness.latest_by_hash(origin_hash) {
            Ok(Some(checkpoint)) => reply.send(Head::new(200, TEXT), checkpoint.to_string()),
            Ok(None) => {
                let nothing = "nothing was cosigned under that name\n";
                reply.send(Head::new(404, TEXT), nothing);
            }
            Err(error) => {
                let failed = Answer::Failed(error);
                (self.watch)(&failed);
                reply.send(Head::new(500, TEXT), failed.body());
            }
        }
    }
}

#[cfg(test)]
mod tests;
