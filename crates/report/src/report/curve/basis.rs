//! What the count of the bound rests on, where that is not a day of effect of each party's own.

use servanda_core::value::id::AgreementId;
use servanda_core::view::View;

use crate::report::participation::Membership;

/// What the count of the bound rests on, for one agreement.
#[derive(Debug, Default)]
pub struct Basis {
    agreement: Option<AgreementId>,
    consented: usize,
    /// Consents of which nothing says that they have taken effect.
    waiting: usize,
    /// Parties that are bound because the agreement is in force.
    by_agreement: usize,
}

impl Basis {
    /// What it rests on for an agreement with these parties.
    pub fn of(view: &View<'_>, agreement: &AgreementId, members: &[Membership<'_>]) -> Self {
        let mut basis = Self {
            agreement: Some(agreement.clone()),
            ..Self::default()
        };
        for at in members.iter().map(|member| member.position(view)) {
            basis.consented += usize::from(at.has_consented());
            basis.waiting += usize::from(at.waits_for_effect());
            basis.by_agreement += usize::from(at.is_bound_by_agreement());
        }
        basis
    }
}

/// The notes for readers of the counts.
pub fn notes(all: &[Basis]) -> Vec<String> {
    let named = |basis: &Basis| basis.agreement.as_ref().map(ToString::to_string);
    let waiting = all.iter().filter(|basis| basis.waiting > 0);
    let waiting = waiting.filter_map(|basis| {
        let (agreement, consented) = (named(basis)?, basis.consented);
        let bound = consented - basis.waiting;
        Some(format!(
            "{agreement}: {bound} of {consented} consents are known to have taken effect; only those count as in force"
        ))
    });
    let by_agreement = all.iter().filter(|basis| basis.by_agreement > 0);
    let by_agreement = by_agreement.filter_map(|basis| {
        let (agreement, count) = (named(basis)?, basis.by_agreement);
        let whom = match count {
            1 => "1 party: for it".to_owned(),
            count => format!("{count} parties: for them"),
        };
        Some(format!(
            "{agreement}: its own entry into force binds {whom} no day of effect is recorded"
        ))
    });
    let waiting = short(waiting.collect(), |count| {
        format!(
            "of {count} agreements, not all consents are known to have taken effect; only those that are count as in \
             force"
        )
    });
    let by_agreement = short(by_agreement.collect(), |count| {
        format!(
            "{count} agreements bind parties by their own entry into force: for these parties no day of effect is \
             recorded"
        )
    });
    [waiting, by_agreement].concat()
}

/// A few notes as they are, many in one.
fn short(notes: Vec<String>, all: impl FnOnce(usize) -> String) -> Vec<String> {
    match notes.len() {
        0..=3 => notes,
        many => vec![all(many)],
    }
}
