//! When a move may have happened.

use super::known::Known;
use super::rejection::{Rejection, Rule};
use crate::state::Id;
use crate::value::recurrence::{self, Recurrence};
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

/// A rule of recurrence does not end before the day that it counts from: the day of its own record, else that of its
/// agreement. Where neither is known, it counts from the day of recording, which is not known here.
pub(crate) fn check_some_day(
    known: &dyn Known,
    deadline: Option<&Deadline>,
    on: Option<When>,
    agreement: Option<Id>,
) -> Result<(), Rejection> {
    let Some(Deadline::Recurring(Some(rule))) = deadline else {
        return Ok(());
    };
    let agreed = || agreement.and_then(|agreement| known.agreed_on(agreement));
    let Some(start) = on
        .and_then(When::counted_from)
        .or_else(|| agreed().and_then(When::counted_from))
    else {
        return Ok(());
    };
    match Recurrence::of(rule).map(|rule| rule.days(start).next()) {
        Ok(None) => {
            let message = format!(
                "`{rule}` gives no day: it counts from {start}, and ends before its first day"
            );
            Err(Rejection::new(Rule::SomeDay, message))
        }
        // What is not worked out here may give days.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
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
