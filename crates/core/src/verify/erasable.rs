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
    let kind = header.kind()?;
    if kind.spec().form.erasable != Erasable::WithTarget {
        return None;
    }
    if header.target >= seq {
        return Some(false);
    }
    let target = kind_of(header.target)?;
    Some(kind.is_erasable(|| target))
}

/// The header of a record, read again.
pub(super) fn header_of(records: &dyn Records, record: u64) -> Option<Header> {
    let found = records.read(record, 1).ok()?;
    let header = found.first()?.sealed.header()?;
    (header.seq == record).then_some(header)
}
