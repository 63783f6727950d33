//! Recorders who hold a key.

use super::known::Known;
use super::rejection::{Rejection, Rule};
use crate::value::id::{EntityKind, RecorderId, Seq};

/// The recorder who was admitted under a name, such as that in an event's `recorded_by`.
pub fn recorder(known: &dyn Known, name: &str) -> Option<RecorderId> {
    if !known.has_any(EntityKind::Recorder) {
        return None;
    }
    let id: RecorderId = name.parse().ok()?;
    let (kind, _) = known.entity(&id.0)?;
    (kind == EntityKind::Recorder).then_some(id)
}

/// A recorder whose key was revoked before a record has no part in that record.
pub(crate) fn check_admitted(
    known: &dyn Known,
    seq: Seq,
    recorder: &RecorderId,
) -> Result<(), Rejection> {
    if known.revoked(recorder).is_some_and(|by| by < seq) {
        let message = format!("the key of {recorder} is revoked");
        return Err(Rejection::new(Rule::RecorderAdmitted, message));
    }
    Ok(())
}
