//! What a question selects: the commitments, agreements and records that it asks for.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::domain::event::{Entry, Event, Fact, Kind};
use crate::domain::id::{AgreementId, PartyId, Seq, Slug, Subject};
use crate::domain::register::Register;
use crate::domain::view::{Agreement, Commitment, Party, View};

use super::{Bound, Question, cells};

/// A party, and the parts of it that act for it, by id.
pub fn circle(view: &View<'_>, party: &PartyId) -> BTreeSet<PartyId> {
    let mut circle = BTreeSet::from([party.clone()]);
    let parties = view.parties();
    loop {
        let before = circle.len();
        for part in &parties {
            if part
                .fact
                .parent
                .as_ref()
                .is_some_and(|parent| circle.contains(parent))
            {
                circle.insert(part.id.clone());
            }
        }
        if circle.len() == before {
            return circle;
        }
    }
}

/// The circle of the party that the question names, where it names one.
pub fn asked_circle(view: &View<'_>, question: &Question) -> Option<BTreeSet<PartyId>> {
    question.party.as_ref().map(|party| circle(view, party))
}

/// The commitments that a question asks for, by id. A party's are those in which it or a part of it has
/// any role.
pub fn commitments<'r>(view: &View<'r>, question: &Question) -> Vec<Commitment<'r>> {
    let circle = asked_circle(view, question);
    let mut all = match &question.commitment {
        Some(id) => view.commitment(id).into_iter().collect(),
        None => view.commitments(),
    };
    all.retain(|commitment| {
        let terms = &commitment.terms;
        let agreement = question.agreement.as_ref();
        let roles = [
            &terms.debtor,
            &terms.creditor,
            &terms.witness,
            &terms.guarantor,
        ];
        let has_role = |circle: &BTreeSet<PartyId>| {
            roles
                .into_iter()
                .flatten()
                .any(|party| circle.contains(party))
        };
        agreement.is_none_or(|asked| *asked == terms.agreement)
            && (question.standings.is_empty() || question.standings.contains(&commitment.standing))
            && circle.as_ref().is_none_or(has_role)
    });
    all
}

/// The agreements that a question asks for, by id. A party's are those that name it or a part of it, and
/// those about which it did something.
pub fn agreements<'r>(view: &View<'r>, question: &Question) -> Vec<Agreement<'r>> {
    let circle = asked_circle(view, question);
    let mut all = match &question.agreement {
        Some(id) => view.agreement(id).into_iter().collect(),
        None => view.agreements(),
    };
    all.retain(|agreement| {
        circle.as_ref().is_none_or(|circle| {
            let acted = agreement.participation.iter().copied().filter_map(actor);
            let mut parties = agreement.fact.party.iter().chain(acted);
            parties.any(|party| circle.contains(party))
        })
    });
    all
}

fn actor(entry: &Entry) -> Option<&PartyId> {
    match &entry.event.fact {
        Fact::ParticipationRecorded(fact) => Some(&fact.party),
        _ => None,
    }
}

/// The parties that a question asks for, by id: one and its parts, those of a kind, or all.
pub fn parties<'r>(view: &View<'r>, question: &Question) -> Vec<Party<'r>> {
    let circle = asked_circle(view, question);
    let mut all = view.parties();
    all.retain(|party| {
        let of_kind = question
            .party_kind
            .is_none_or(|kind| kind == party.fact.kind);
        of_kind
            && circle
                .as_ref()
                .is_none_or(|circle| circle.contains(party.id))
    });
    all
}

/// The note on records that were left out because they had not certainly happened.
pub fn left_out(view: &View<'_>, records: usize) -> Option<String> {
    let noun = if records == 1 {
        "record is"
    } else {
        "records are"
    };
    (records > 0).then(|| {
        format!(
            "{records} {noun} left out: not certain to have happened by {}",
            view.as_of
        )
    })
}

/// The records that a question asks for, but for its bounds in time and its limit.
#[derive(Debug)]
pub struct Records {
    /// One set for each thing that the question names; a record must be in all of them.
    about: Vec<BTreeSet<Seq>>,
    kinds: Vec<Kind>,
}

impl Records {
    /// Reads the question.
    pub fn new(view: &View<'_>, question: &Question) -> Self {
        let register = view.register;
        let entity = |id: &Slug| Subject::Entity(id.clone());
        let mut wanted: Vec<BTreeSet<Subject>> = Vec::new();
        if let Some(circle) = asked_circle(view, question) {
            wanted.push(circle.iter().map(|party| entity(&party.0)).collect());
        }
        if let Some(agreement) = &question.agreement {
            wanted.push(agreement_subjects(register, agreement));
        }
        wanted.extend(
            question
                .commitment
                .iter()
                .map(|id| BTreeSet::from([entity(&id.0)])),
        );
        wanted.extend(
            question
                .source
                .iter()
                .map(|id| BTreeSet::from([entity(&id.0)])),
        );
        Self {
            about: wanted
                .iter()
                .map(|subjects| about(register, subjects))
                .collect(),
            kinds: question.kinds.clone(),
        }
    }

    /// Whether every record is asked for, those too whose payload is gone.
    pub fn is_all(&self) -> bool {
        self.about.is_empty() && self.kinds.is_empty()
    }

    /// Whether a record is asked for.
    pub fn includes(&self, entry: &Entry) -> bool {
        let of_kind = self.kinds.is_empty() || self.kinds.contains(&entry.event.kind());
        of_kind
            && self
                .about
                .iter()
                .all(|records| records.contains(&entry.seq))
    }
}

/// An agreement and the commitments in it, retracted ones too: the log shows those.
fn agreement_subjects(register: &Register, agreement: &AgreementId) -> BTreeSet<Subject> {
    let held = register.records().flatten();
    let commitments = held.filter_map(|held| match &held.entry.event.fact {
        Fact::CommitmentRecorded(fact) if fact.agreement == *agreement => Some(&fact.id.0),
        _ => None,
    });
    let all = commitments.chain([&agreement.0]);
    all.map(|id| Subject::Entity(id.clone())).collect()
}

/// The records that name any of these, and the records about those records. The register's trails will not
/// do: they leave out what was retracted.
fn about(register: &Register, subjects: &BTreeSet<Subject>) -> BTreeSet<Seq> {
    let mut found = BTreeSet::new();
    for held in register.records().flatten() {
        let names = subjects_of(&held.entry.event).any(|subject| match &subject {
            Subject::Entity(_) => subjects.contains(&subject),
            // What a record names lies before it, so one pass sees all.
            Subject::Record(seq) => found.contains(seq),
        });
        if names {
            found.insert(held.entry.seq);
        }
    }
    found
}

/// Everything that an event names or defines.
fn subjects_of(event: &Event) -> impl Iterator<Item = Subject> {
    let named = event
        .references()
        .into_iter()
        .map(|(_, reference)| reference);
    named
        .chain(event.defines())
        .map(|reference| reference.subject())
}

/// Whether something happened, or was recorded where a bound says so, within the question's bounds. What
/// may have lain within them does; what has no date counts on the day it was recorded.
pub fn within_occurred(view: &View<'_>, entry: &Entry, question: &Question) -> bool {
    let on = cells::occasion(view, entry.seq).map(|(on, _)| on);
    let recorded = entry.recorded_at.day();
    let dated = on.is_some_and(|on| on.earliest().or(on.latest()).is_some());
    let (first, last) = if dated {
        let first = on.and_then(|on| on.earliest()).unwrap_or(NaiveDate::MIN);
        (
            first,
            on.and_then(|on| on.latest()).unwrap_or(NaiveDate::MAX),
        )
    } else {
        (recorded, recorded)
    };
    within(entry, question, first, last)
}

/// Whether something was recorded within the question's bounds.
pub fn within_recorded(entry: &Entry, question: &Question) -> bool {
    let day = entry.recorded_at.day();
    within(entry, question, day, day)
}

fn within(entry: &Entry, question: &Question, first: NaiveDate, last: NaiveDate) -> bool {
    let after = question.since.is_none_or(|bound| match bound {
        Bound::Day(day) => day <= last,
        Bound::Record(seq) => seq <= entry.seq,
        Bound::Time(time) => time <= entry.recorded_at,
    });
    let before = question.until.is_none_or(|bound| match bound {
        Bound::Day(day) => first <= day,
        Bound::Record(seq) => entry.seq <= seq,
        Bound::Time(time) => entry.recorded_at <= time,
    });
    after && before
}
