//! Recorders who hold a key.

use super::known::Known;
use super::rejection::{Rejection, Rule};
use crate::event::Envelope;
use crate::value::id::{EntityKind, RecorderId, Seq};

/// The recorder with a key who recorded an event, as its envelope says.
pub fn recorder(known: &dyn Known, envelope: &Envelope) -> Option<RecorderId> {
    let name = envelope.recorded_by.as_ref()?;
    if !known.has_any(EntityKind::Recorder) {
        return None;
    }
    let id: RecorderId = name.as_str().parse().ok()?;
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
