//! The rules: what may be said next. A pure function over the state, which every append and every
//! verification asks.
//!
//! A rule is either about the record (what is named must exist, an id is given once), and then holds
//! without exception, or about the world (a breach follows a claim), and then an event that breaks it can
//! be recorded as irregular, with the reason, and is flagged wherever it shows.

mod amending;
mod circles;
mod dates;
mod known;
mod recorder;
mod references;
mod rejection;
#[cfg(test)]
mod tests;

pub use self::amending::{complete, is_erasable, may_be_redacted};
pub(crate) use self::circles::{check_related, check_waits};
pub(crate) use self::dates::{check_not_before_agreement, check_recurrence, check_some_day};
pub use self::known::Known;
pub(crate) use self::recorder::check_admitted;
pub use self::recorder::recorder;
pub use self::rejection::{Advice, Rejection, Rule};

use self::amending::{check_amending, check_corrected, check_sound, corrected};
pub use self::references::check_spelling;
use self::references::{check_named_once, check_names};
use crate::event::{Event, Fact};
use crate::state::{Asked, State};
use crate::value::id::Seq;

/// Whether an event may come next.
///
/// # Errors
/// The first rule that it breaks, unless that rule is waivable and the event is marked irregular.
pub fn check(state: &State, event: &Event) -> Result<(), Rejection> {
    check_named(Asked::new(state, &state.named(event)), event)
}

/// As [`check`], of an event whose ids were looked up.
///
/// # Errors
/// As [`check`].
pub fn check_named(asked: Asked<'_>, event: &Event) -> Result<(), Rejection> {
    let irregular = event.envelope.irregular.is_some();
    check_record(asked, event)?;
    match check_world(asked, event) {
        Err(_) if irregular => Ok(()),
        Err(rejection) => Err(rejection),
        Ok(()) if irregular => {
            let message = "the event is marked irregular but breaks no rule";
            Err(Rejection::new(Rule::IrregularOnly, message).allowing([Advice::AsRegular]))
        }
        Ok(()) => Ok(()),
    }
}

/// Whether an event may be recorded now: what [`check`] asks, and the rules that came when there were ledgers already.
/// Those are not asked of what is recorded, because an old ledger stays as sound as it was.
///
/// # Errors
/// The first rule that it breaks.
pub fn admit(state: &State, event: &Event) -> Result<(), Rejection> {
    let checked = check(state, event);
    if let Err(rejection) = &checked
        && rejection.rule != Rule::IrregularOnly
    {
        return checked;
    }
    let check_new = |event: &Event, changed: Option<&str>| {
        check_named_once(event, changed)?;
        event.fact.check_new(changed, state, &event.envelope)
    };
    match &event.fact {
        Fact::Corrected(fact) => match corrected(state, fact) {
            Some(corrected) => check_new(&corrected, Some(fact.field.as_str())),
            None => Ok(()),
        },
        // Without a correction, a record reads as before.
        Fact::Retracted(fact) => match (state.entry(fact.record), state.without(fact.record)) {
            (Some(correction), Some((_, restored))) => {
                let correction = correction.event.correction();
                check_new(&restored, correction.map(|correction| correction.field))
            }
            _ => Ok(()),
        },
        _ => check_new(event, None),
    }?;
    checked
}

/// The rules about the record.
fn check_record(asked: Asked<'_>, event: &Event) -> Result<(), Rejection> {
    let problems = event.problems();
    if !problems.is_empty() {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Rejection::new(Rule::Complete, list.join("; ")));
    }
    let state = asked.state;
    check_opening(state, event)?;
    check_names(asked, event)?;
    check_sound(asked, Seq(state.count()), event)?;
    check_amending(state, event)
}

/// The rules about the world.
fn check_world(asked: Asked<'_>, event: &Event) -> Result<(), Rejection> {
    match &event.fact {
        Fact::Corrected(fact) => check_corrected(asked.state, fact),
        fact => fact.check_world(&asked, &event.envelope),
    }
}

fn check_opening(state: &State, event: &Event) -> Result<(), Rejection> {
    let opens = event.kind().spec().opens();
    match (opens, state.count() == 0) {
        (true, true) | (false, false) => Ok(()),
        (true, false) => Err(Rejection::new(
            Rule::OpenedOnce,
            "the ledger is open already: only its first record opens it",
        )),
        (false, true) => Err(Rejection::new(
            Rule::OpenedOnce,
            "the ledger is not open yet: its first record opens it",
        )),
    }
}
