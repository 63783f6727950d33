//! What a kind of event means: its rules, its effects, its sentence.

use super::context::Context;
use super::envelope::Envelope;
use super::field::FieldError;
use crate::rules::{Known, Rejection};
use crate::state::Effect;
use crate::value::base::Text;
use crate::value::id::Seq;

/// What a correction says.
#[derive(Debug, Clone, Copy)]
pub struct Correction<'e> {
    /// The record that it corrects.
    pub record: Seq,
    /// The name of the field that it corrects.
    pub field: &'e str,
    /// The new value; empty where the field is cleared.
    pub to: &'e [Text],
}

/// What a kind of event means, beside its declaration. Most kinds have few rules and few effects.
pub trait Meaning {
    /// Adds what is wrong with the event beyond its single fields.
    fn problems(&self, _envelope: &Envelope, _errors: &mut Vec<FieldError>) {}

    /// The rules about the record, which hold without exception: when it comes as record `seq`, after a correction of
    /// it, and after that correction's retraction.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_record(&self, _known: &dyn Known, _seq: Seq) -> Result<(), Rejection> {
        Ok(())
    }

    /// The rules about the world. An event that breaks one can be recorded as irregular.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_world(&self, _known: &dyn Known, _envelope: &Envelope) -> Result<(), Rejection> {
        Ok(())
    }

    /// Those rules about the world that hold of the event after a correction of one of its fields. Whether later
    /// events would still be accepted is not asked: a correction mends the record, and the world was as it was.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_corrected(
        &self,
        _field: &str,
        _known: &dyn Known,
        _envelope: &Envelope,
    ) -> Result<(), Rejection> {
        Ok(())
    }

    /// The rules that came when there were ledgers already: asked of an event when it is recorded, and never of the
    /// records that are there, which may be older than the rule. `changed` is the field that a correction changes; none
    /// for a new event.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_new(
        &self,
        _changed: Option<&str>,
        _known: &dyn Known,
        _envelope: &Envelope,
    ) -> Result<(), Rejection> {
        Ok(())
    }

    /// Tells each fact that the event sets.
    fn effects<'e>(&'e self, _envelope: &'e Envelope, _tell: &mut dyn FnMut(Effect<'e>)) {}

    /// The correction that the event makes. A kind whose declaration says `corrects` has one.
    fn correction(&self) -> Option<Correction<'_>> {
        None
    }

    /// What happened, in one sentence for people, without a full stop.
    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String;
}
