//! What a question selects: the commitments, agreements and records that it asks for.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use servanda_core::event::{Entry, Event, Fact, Kind};
use servanda_core::rules::Known;
use servanda_core::state::{Id, State};
use servanda_core::value::id::{AgreementId, EntityKind, PartyId, Seq, Slug, Subject};
use servanda_core::value::when::Instant;
use servanda_core::view::{Commitment, View};

use super::cells;
use super::commitments::Commitments;
use super::glance::Glances;
use super::natural;
use super::question::{Bound, Question};
use crate::parallel;

/// A party, the parts of it that act for it, and those that these succeeded, by id.
pub fn circle(view: &View<'_>, party: &PartyId) -> BTreeSet<PartyId> {
    let kinds = [Kind::PartyRegistered, Kind::PartySucceeded];
    let mut circle = BTreeSet::from([party.clone()]);
    let mut added = circle.clone();
    while !added.is_empty() {
        let there = numbers(view, &added);
        let leads_there = |id: &Slug| view.leads_to(id).iter().any(|to| there.contains(to));
        let named = added.iter().map(|party| &party.0);
        let naming = naming(view, named, &kinds, |fact| match fact {
            Fact::PartyRegistered(fact) => Some(&fact.id.0),
            Fact::PartySucceeded(fact) => Some(&fact.party.0),
            _ => None,
        });
        let parts = naming.into_iter().map(|number| view.state.slug(number));
        let parts = parts.filter(|id| leads_there(id));
        let parts: BTreeSet<PartyId> = parts.cloned().map(PartyId).collect();
        added = parts.difference(&circle).cloned().collect();
        circle.extend(added.iter().cloned());
    }
    circle
}

/// The numbers of parties.
fn numbers(view: &View<'_>, parties: &BTreeSet<PartyId>) -> BTreeSet<Id> {
    let numbers = parties
        .iter()
        .filter_map(|party| view.state.number(&party.0));
    numbers.collect()
}

/// The circle of the party that the question names, where it names one.
pub fn asked_circle(view: &View<'_>, question: &Question) -> Option<BTreeSet<PartyId>> {
    question.party.as_ref().map(|party| circle(view, party))
}

/// The commitments that a question asks for, by id. A party's are those in which it or a part of it has
/// any role.
pub fn commitments<'r>(view: &View<'r>, question: &Question) -> Commitments<'r> {
    let circle = asked_circle(view, question);
    if let Some(glances) = question
        .glances(view)
        .filter(|_| question.commitment.is_none())
    {
        return known(view, question, glances, circle.as_ref());
    }
    let all = match (&question.commitment, &question.agreement, &circle) {
        (Some(id), _, _) => {
            let found = view.commitment(id).into_iter();
            Commitments::new(view, found.map(|commitment| commitment.number()))
        }
        (None, Some(agreement), _) => commitments_in(view, agreement),
        (None, None, Some(circle)) => commitments_naming(view, circle.iter().map(|party| &party.0)),
        (None, None, None) => Commitments::all(view),
    };
    // Those that are looked for in an agreement are in it.
    let agreement = question
        .commitment
        .as_ref()
        .and(question.agreement.as_ref());
    if agreement.is_none() && circle.is_none() && question.standings.is_empty() {
        return all;
    }
    all.filter(|commitment| {
        let terms = &commitment.terms;
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
        let stands_there = |commitment: &Commitment<'_>| {
            let asked = &question.standings;
            asked.contains(&commitment.standing)
                || commitment.any(|standing| asked.contains(&standing))
        };
        agreement.is_none_or(|asked| *asked == terms.agreement)
            && (question.standings.is_empty() || stands_there(commitment))
            && circle.as_ref().is_none_or(has_role)
    })
}

/// The commitments in an agreement, by id.
fn commitments_in<'r>(view: &View<'r>, agreement: &AgreementId) -> Commitments<'r> {
    let state = view.state;
    let number = state.number(&agreement.0);
    let about = Subject::Entity(agreement.0.clone());
    let named = view
        .trail_records(&about)
        .filter(|(_, kind)| *kind == Kind::CommitmentRecorded);
    // Where many commitments name it, all are gone through, of which no record is read.
    if named.count() > state.count_of(EntityKind::Commitment) / MANY {
        let told = view.commitment_histories();
        let inside = told.filter(|told| told.agreement() == number);
        return Commitments::new(view, inside.map(|told| told.number()));
    }
    let naming = naming(
        view,
        [&agreement.0],
        &[Kind::CommitmentRecorded],
        |fact| match fact {
            Fact::CommitmentRecorded(fact) => Some(&fact.id.0),
            _ => None,
        },
    );
    let is_inside = |id: &Id| {
        let told = state.history_numbered(*id);
        told.is_some_and(|told| told.agreement() == number)
    };
    Commitments::new(view, naming.into_iter().filter(is_inside))
}

/// An agreement has many commitments if it has more than one in so many of all.
const MANY: usize = 8;

/// The same by what is kept of all commitments.
fn known<'r>(
    view: &View<'r>,
    question: &Question,
    glances: &Arc<Glances>,
    circle: Option<&BTreeSet<PartyId>>,
) -> Commitments<'r> {
    let circle = circle.map(|circle| numbers(view, circle));
    let agreement = question.agreement.as_ref();
    let agreement = agreement.map(|agreement| view.state.number(&agreement.0));
    let asked = &question.standings;
    Commitments::known(view, glances, |glance| {
        let mut parties = glance.parties.iter();
        let mut stands = glance.standings.iter().chain([&glance.standing]);
        agreement.is_none_or(|agreement| agreement.is_some() && agreement == glance.agreement)
            && (asked.is_empty() || stands.any(|standing| asked.contains(standing)))
            && circle
                .as_ref()
                .is_none_or(|circle| parties.any(|party| circle.contains(party)))
    })
}

/// The commitments of an agreement, by id.
pub fn in_agreement<'r>(
    view: &View<'r>,
    question: &Question,
    agreement: &AgreementId,
) -> Commitments<'r> {
    let alone = Question {
        agreement: Some(agreement.clone()),
        kept: question.kept.clone(),
        ..question.with_spans()
    };
    commitments(view, &alone)
}

/// The commitments that some of these parties owe, and those that they are owed, by id.
pub fn sides<'r>(
    view: &View<'r>,
    question: &Question,
    parties: &BTreeSet<PartyId>,
) -> [Commitments<'r>; 2] {
    if let Some(glances) = question.glances(view) {
        let numbers = numbers(view, parties);
        let is_one = |of: &[Id]| of.iter().any(|party| numbers.contains(party));
        return [
            Commitments::known(view, glances, |glance| is_one(&glance.debtors)),
            Commitments::known(view, glances, |glance| is_one(&glance.creditors)),
        ];
    }
    let all = commitments_naming(view, parties.iter().map(|party| &party.0));
    let is_one = |of: Vec<&PartyId>| of.into_iter().any(|party| parties.contains(party));
    [
        all.filter(|each| is_one(each.debtors())),
        all.filter(|each| is_one(each.creditors())),
    ]
}

/// The commitments whose terms name or named one of these, by id.
fn commitments_naming<'r, 's>(
    view: &View<'r>,
    named: impl IntoIterator<Item = &'s Slug>,
) -> Commitments<'r> {
    let kinds = [Kind::CommitmentRecorded, Kind::CommitmentAmended];
    let numbers = naming(view, named, &kinds, |fact| match fact {
        Fact::CommitmentRecorded(fact) => Some(&fact.id.0),
        Fact::CommitmentAmended(fact) => Some(&fact.commitment.0),
        _ => None,
    });
    Commitments::new(view, numbers)
}

/// The numbers of the ids of the entities that records of some kinds are about which name one of these: `about` says of
/// which entity a fact is.
fn naming<'s>(
    view: &View<'_>,
    named: impl IntoIterator<Item = &'s Slug>,
    kinds: &[Kind],
    about: impl Fn(&Fact) -> Option<&Slug> + Sync,
) -> Vec<Id> {
    let trails = named
        .into_iter()
        .flat_map(|named| view.trail_records(&Subject::Entity(named.clone())));
    let records = trails.filter(|(_, kind)| kinds.contains(kind));
    let records: BTreeSet<Seq> = records.map(|(seq, _)| seq).collect();
    let records: Vec<Seq> = records.into_iter().collect();
    let found = parallel::ordered(view, records.len(), |scope, at| {
        let state = scope.view.state;
        state.number(about(&state.entry(records[at])?.event.fact)?)
    });
    let numbers: BTreeSet<Id> = found.flatten().collect();
    let there = numbers.into_iter();
    there
        .filter(|number| is_there(view, view.state.slug(*number)))
        .collect()
}

fn by_id(one: &&Slug, other: &&Slug) -> Ordering {
    natural::order(one.as_str(), other.as_str())
}

/// Whether what an id names was there by the day of the view.
fn is_there(view: &View<'_>, id: &Slug) -> bool {
    let entity = view.state.entity(id);
    entity.is_some_and(|(_, seq)| view.has_happened(seq))
}

/// The agreements that a question asks for, by id. A party's are those that name it or a part of it, as a party or in
/// a role, and those about which it did something.
pub fn agreements<'r>(view: &View<'r>, question: &Question) -> Vec<&'r Slug> {
    let circle = asked_circle(view, question);
    let all = match (&question.agreement, &circle) {
        (Some(id), _) => {
            let number = view.state.number(&id.0).into_iter();
            number.map(|number| view.state.slug(number)).collect()
        }
        (None, Some(circle)) => agreements_naming(view, circle.iter().map(|party| &party.0)),
        (None, None) => view.state.ids(EntityKind::Agreement).collect(),
    };
    let asked = parallel::ordered(view, all.len(), |scope, at| {
        let id: &Slug = all[at];
        let is_agreement = matches!(view.state.entity(id), Some((EntityKind::Agreement, _)));
        if !is_agreement || !is_there(view, id) {
            return false;
        }
        let Some(circle) = &circle else {
            return true;
        };
        let agreement = scope.view.agreement(&AgreementId(id.clone()));
        agreement.is_some_and(|agreement| {
            let acted = agreement.participation.iter().copied().filter_map(actor);
            let in_role = agreement.fact.role.iter().map(|each| &each.party);
            let mut parties = agreement.fact.party.iter().chain(in_role).chain(acted);
            parties.any(|party| circle.contains(party))
        })
    });
    let asked: Vec<bool> = asked.collect();
    let asked = all.iter().zip(asked).filter(|(_, asked)| *asked);
    let mut asked: Vec<&Slug> = asked.map(|(id, _)| *id).collect();
    asked.sort_by(by_id);
    asked
}

/// The agreements that name one of these, or about which one of these did something, by id.
pub fn agreements_naming<'r, 's>(
    view: &View<'r>,
    named: impl IntoIterator<Item = &'s Slug>,
) -> Vec<&'r Slug> {
    let kinds = [Kind::AgreementRecorded, Kind::ParticipationRecorded];
    let mut numbers = naming(view, named, &kinds, |fact| match fact {
        Fact::AgreementRecorded(fact) => Some(&fact.id.0),
        Fact::ParticipationRecorded(fact) => Some(&fact.agreement.0),
        _ => None,
    });
    natural::sort(view.state, &mut numbers);
    let ids = numbers.into_iter().map(|number| view.state.slug(number));
    ids.collect()
}

fn actor(entry: &Entry) -> Option<&PartyId> {
    match &entry.event.fact {
        Fact::ParticipationRecorded(fact) => Some(&fact.party),
        _ => None,
    }
}

/// The ids of the parties that a question asks for, sorted: one and its parts, those of a kind, or all.
pub fn parties<'r>(view: &View<'r>, question: &Question) -> Vec<&'r Slug> {
    let circle = asked_circle(view, question);
    let is_asked = |id: &&Slug| {
        let of_kind = question.party_kind.is_none_or(|kind| {
            let entry = view.state.defining(id);
            entry.is_some_and(|entry| match &entry.event.fact {
                Fact::PartyRegistered(fact) => fact.kind == kind,
                _ => false,
            })
        });
        let in_circle = |circle: &BTreeSet<PartyId>| circle.iter().any(|party| party.0 == **id);
        is_there(view, id) && circle.as_ref().is_none_or(in_circle) && of_kind
    };
    let mut all: Vec<&Slug> = view.state.ids(EntityKind::Party).filter(is_asked).collect();
    all.sort_by(by_id);
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
    /// The records about each thing that the question names; a record must be about all of them.
    about: Vec<Marks>,
    kinds: Vec<Kind>,
}

/// Some of the records of a ledger.
#[derive(Debug, Default)]
struct Marks(Vec<u64>);

impl Marks {
    /// Marks a record. Says whether it was not marked before.
    fn insert(&mut self, seq: Seq) -> bool {
        let (word, bit) = Self::place(seq);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    fn contains(&self, seq: Seq) -> bool {
        let (word, bit) = Self::place(seq);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// The records, the last first.
    fn backwards(&self) -> impl Iterator<Item = Seq> {
        let seqs = (0..self.0.len() as u64 * 64).rev().map(Seq);
        seqs.filter(|seq| self.contains(*seq))
    }

    fn place(seq: Seq) -> (usize, u64) {
        // A ledger has fewer records than 2^32.
        (
            usize::try_from(seq.0 / 64).unwrap_or(usize::MAX),
            1 << (seq.0 % 64),
        )
    }
}

impl Records {
    /// Reads the question.
    pub fn new(view: &View<'_>, question: &Question) -> Self {
        let state = view.state;
        let entity = |id: &Slug| state.number(id).into_iter().collect::<Vec<Id>>();
        let mut wanted: Vec<Vec<Id>> = Vec::new();
        if let Some(circle) = asked_circle(view, question) {
            wanted.push(circle.iter().flat_map(|party| entity(&party.0)).collect());
        }
        if let Some(agreement) = &question.agreement {
            wanted.push(agreement_entities(state, agreement));
        }
        wanted.extend(question.commitment.iter().map(|id| entity(&id.0)));
        wanted.extend(question.source.iter().map(|id| entity(&id.0)));
        Self {
            about: wanted
                .into_iter()
                .map(|entities| about(state, entities))
                .collect(),
            kinds: question.kinds.clone(),
        }
    }

    /// Whether every record is asked for, those too whose payload is gone.
    pub fn is_all(&self) -> bool {
        self.about.is_empty() && self.kinds.is_empty()
    }

    /// Records among which all are that are asked for, the newest first.
    pub fn newest_first(&self, state: &State) -> Box<dyn Iterator<Item = Seq> + '_> {
        match self.about.iter().min_by_key(|records| records.count()) {
            Some(records) => Box::new(records.backwards()),
            None => Box::new((0..state.count()).rev().map(Seq)),
        }
    }

    /// Whether a record is asked for.
    pub fn includes(&self, state: &State, seq: Seq) -> bool {
        let kind = state.kind(seq);
        let of_kind = self.kinds.is_empty() || kind.is_some_and(|kind| self.kinds.contains(&kind));
        of_kind && self.about.iter().all(|records| records.contains(seq))
    }
}

/// An agreement and the commitments in it, retracted ones too: the log shows those.
fn agreement_entities(state: &State, agreement: &AgreementId) -> Vec<Id> {
    let Some(own) = state.number(&agreement.0) else {
        return Vec::new();
    };
    let made_in = |event: &Event| match &event.fact {
        Fact::CommitmentRecorded(fact) if fact.agreement == *agreement => state.number(&fact.id.0),
        _ => None,
    };
    let histories = state.histories().map(|(_, told)| told);
    let counting = histories.filter(|told| told.agreement() == Some(own));
    let mut all: Vec<Id> = counting.map(|told| told.number()).collect();
    all.extend(out_of_count(state).filter_map(|entry| made_in(&entry.event)));
    all.push(own);
    all
}

/// The entries of the records that were retracted or redacted and are still there.
fn out_of_count(state: &State) -> impl Iterator<Item = &Entry> {
    let records = state.out_of_count().into_iter();
    records.filter_map(|seq| state.held(seq).map(|held| &held.entry))
}

/// The records that name any of these, and the records about those records, also what does not count any more.
fn about(state: &State, entities: Vec<Id>) -> Marks {
    // Trails have no records that do not count. There are few of those.
    let mut besides: BTreeMap<Subject, Vec<Seq>> = BTreeMap::new();
    for entry in out_of_count(state) {
        for subject in subjects_of(&entry.event) {
            besides.entry(subject).or_default().push(entry.seq);
        }
    }
    let besides_of = |subject: &dyn Fn() -> Subject| match besides.is_empty() {
        true => &[][..],
        false => besides.get(&subject()).map_or(&[][..], Vec::as_slice),
    };
    let mut found = Marks::default();
    let mut open = Vec::new();
    for id in entities {
        let more = besides_of(&|| Subject::Entity(state.slug(id).clone()));
        let all = state.trail_of_number(id).chain(more.iter().copied());
        open.extend(all.filter(|seq| found.insert(*seq)));
        while let Some(named) = open.pop() {
            let subject = Subject::Record(named);
            let counting = state.trail_records(&subject).map(|(seq, _)| seq);
            let more = besides_of(&|| subject.clone());
            let all = counting.chain(more.iter().copied());
            // A correction may let a record name one that came later; that is not about this one.
            open.extend(all.filter(|seq| named < *seq && found.insert(*seq)));
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
pub fn within_occurred(view: &View<'_>, seq: Seq, question: &Question) -> bool {
    if question.since.is_none() && question.until.is_none() {
        return true;
    }
    let on = cells::occasion(view, seq).map(|(on, _)| on);
    let dated = on.is_some_and(|on| on.earliest().or(on.latest()).is_some());
    let (first, last) = if dated {
        let first = on.and_then(|on| on.earliest()).unwrap_or(NaiveDate::MIN);
        (
            first,
            on.and_then(|on| on.latest()).unwrap_or(NaiveDate::MAX),
        )
    } else {
        let recorded = recorded(view.state, seq);
        (recorded, recorded)
    };
    within(view.state, seq, question, first, last)
}

/// Whether something was recorded within the question's bounds.
pub fn within_recorded(state: &State, seq: Seq, question: &Question) -> bool {
    let day = recorded(state, seq);
    within(state, seq, question, day, day)
}

/// The day on which a record was recorded.
fn recorded(state: &State, seq: Seq) -> NaiveDate {
    let stamp = state.date(seq);
    stamp.map_or(NaiveDate::MAX, |stamp| stamp.recorded)
}

fn within(state: &State, seq: Seq, question: &Question, first: NaiveDate, last: NaiveDate) -> bool {
    let after = question.since.is_none_or(|bound| match bound {
        Bound::Day(day) => day <= last,
        Bound::Record(since) => since <= seq,
        Bound::Time(time) => compare(state, seq, time).is_ge(),
    });
    let before = question.until.is_none_or(|bound| match bound {
        Bound::Day(day) => first <= day,
        Bound::Record(until) => seq <= until,
        Bound::Time(time) => compare(state, seq, time).is_le(),
    });
    after && before
}

/// How the recorded time of a record lies to another. It is only read where its day does not tell.
fn compare(state: &State, seq: Seq, time: Instant) -> Ordering {
    recorded(state, seq)
        .cmp(&time.day())
        .then_with(|| match state.held(seq) {
            Some(held) => held.entry.recorded_at.cmp(&time),
            None => Ordering::Greater,
        })
}

#[cfg(test)]
mod tests;
