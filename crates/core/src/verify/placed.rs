//! A record in its place, and what its payload says, as the walks hand them on.

use crate::chain::codec::CodecError;
use crate::chain::record::{BatchSignature, BodyRef, Hash, Header, RecordRef};
use crate::event::Entry;

/// What a payload says.
pub(super) enum Payload<'p> {
    /// An event, in its one encoding.
    Event(&'p Entry),
    /// Nothing that can be read.
    Nonsense(&'p CodecError),
    /// It is not the one that the header vouches for: what it says is of no account, for nobody recorded it.
    Foreign,
    /// It is gone.
    Gone,
}

/// A record in its place, as far as it is needed: most are not looked at beyond their headers.
#[derive(Clone, Copy)]
pub(super) struct Placed<'r> {
    /// Its header.
    pub header: &'r Header,
    /// Its link.
    pub link: Hash,
    /// Whether anybody signed it.
    pub is_signed: bool,
    /// Its bytes.
    pub sealed: &'r [u8],
}

impl<'r> Placed<'r> {
    /// The record, read again. It is none only where it was none before.
    fn again(&self) -> Option<RecordRef<'r>> {
        RecordRef::peek(self.sealed).ok()
    }

    /// The body, read again.
    pub(super) fn body(&self) -> Option<BodyRef<'r>> {
        self.again()?.body
    }

    /// Who signed it.
    pub(super) fn signatures(&self) -> Vec<BatchSignature> {
        let signed = self.again().filter(|_| self.is_signed);
        signed.map_or_else(Vec::new, |record| record.signatures())
    }
}
