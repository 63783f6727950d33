//! Binding: events that are ready become records of a chain.

use super::content::Content;
use super::hash::SALT_LEN;
use super::head::Head;
use super::header::Header;
use super::peek::BodyRef;
use super::sealed::{Body, Record};
use crate::chain::lanes::payload_digests;

/// What becomes a record once it has its place in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbound {
    /// The event.
    pub content: Content,
    /// Random bytes that keep a short payload from being guessed from its digest.
    pub salt: [u8; SALT_LEN],
    /// Whether its payload can be erased.
    pub erasable: bool,
    /// When it is recorded: microseconds since 1970 in UTC.
    pub recorded_at: i64,
    /// Whether the recorder asserts that time.
    pub asserted: bool,
}

/// Binds the records of one append to a chain: numbers, countdown, links, digests. Returns the records and the head
/// after them.
pub fn bind(head: Head, batch: Vec<Unbound>) -> (Vec<Record>, Head) {
    let mut head = head;
    let mut remaining = batch.len();
    let mut records = Vec::with_capacity(batch.len());
    let bodies = batch.iter().map(|unbound| BodyRef {
        salt: &unbound.salt,
        payload: &unbound.content.payload,
    });
    let digests = payload_digests(&bodies.collect::<Vec<_>>());
    for (unbound, payload_digest) in batch.into_iter().zip(digests) {
        remaining -= 1;
        let body = Body {
            salt: unbound.salt,
            payload: unbound.content.payload,
        };
        let header = Header {
            erasable: unbound.erasable,
            asserted: unbound.asserted,
            kind: unbound.content.kind,
            target: unbound.content.target,
            seq: head.count,
            recorded_at: unbound.recorded_at,
            // Both fit: the ledger limits batches and payloads far below 4 Gi.
            remaining: remaining as u32,
            payload_len: body.payload.len() as u32,
            prev: head.link,
            payload_digest,
        };
        head = Head::after(&header);
        records.push(Record {
            header,
            body: Some(body),
            signatures: Vec::new(),
        });
    }
    (records, head)
}
