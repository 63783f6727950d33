//! When a move may have happened.

use super::known::Known;
use super::rejection::{Rejection, Rule};
use crate::state::Id;
use crate::value::recurrence;
use crate::value::when::{Deadline, When};

/// A deadline that recurs does so by a rule that RFC 5545 allows, and on some day.
pub(crate) fn check_recurrence(deadline: Option<&Deadline>) -> Result<(), Rejection> {
    let Some(Deadline::Recurring(Some(rule))) = deadline else {
        return Ok(());
    };
    recurrence::check(rule).map_err(|why| {
        let message = format!("`{rule}` is no rule that anything can recur by: {why}");
        Rejection::new(Rule::RecurrenceRule, message)
    })
}

/// Nothing moves before its agreement was concluded.
pub(crate) fn check_not_before_agreement(
    known: &dyn Known,
    agreement: Option<Id>,
    on: Option<When>,
) -> Result<(), Rejection> {
    if let (Some(on), Some(agreement)) = (on, agreement)
        && let Some(agreed) = known.agreed_on(agreement)
        && on.certainly_before(agreed)
    {
        let agreement = known.slug(agreement);
        let message = format!("{on} lies before the agreement {agreement}, concluded {agreed}");
        return Err(Rejection::new(Rule::NotBeforeAgreement, message));
    }
    Ok(())
}
