//! Whether a header may say that its payload can be erased, where that depends on the record that it is about. All that
//! takes no other record is checked where the header is read.

use crate::chain::record::Header;
use crate::event::{Erasable, Kind};
use crate::records::Records;

/// What the header of record `seq` must say: none where it does not depend on another record, or where that one's header
/// cannot be read, which is a finding of its own. `kind_of` gives the kind of an earlier record, and none in it where a
/// later version of servanda brought the kind.
pub(super) fn demanded(
    seq: u64,
    header: &Header,
    kind_of: impl FnOnce(u64) -> Option<Option<Kind>>,
) -> Option<bool> {
    let is_of_erasable_kind = |record| Some(has_erasable_payloads(kind_of(record)?));
    demanded_about(seq, about(header)?, is_of_erasable_kind)
}

/// The record that a header is about, where that decides whether its payload can be erased.
pub(super) fn about(header: &Header) -> Option<u64> {
    let form = header.kind()?.spec().form.erasable;
    (form == Erasable::WithTarget).then_some(header.target)
}

/// Whether every payload of a kind can be erased. Of a kind that a later version of servanda brought, none can.
pub(super) fn has_erasable_payloads(kind: Option<Kind>) -> bool {
    kind.is_some_and(|kind| kind.spec().form.erasable == Erasable::Always)
}

/// What the header of record `seq` must say that is about this one.
pub(super) fn demanded_about(
    seq: u64,
    about: u64,
    is_of_erasable_kind: impl FnOnce(u64) -> Option<bool>,
) -> Option<bool> {
    match about < seq {
        true => is_of_erasable_kind(about),
        false => Some(false),
    }
}

/// The header of a record, read again.
pub(super) fn header_of(records: &dyn Records, record: u64) -> Option<Header> {
    let found = records.read(record, 1).ok()?;
    let header = found.first()?.sealed.header()?;
    (header.seq == record).then_some(header)
}
