//! What is found of every commitment on a day, kept by a server that is asked again and again: so that a list, the due
//! ones, the calendar and the overview read no record of those that they do not show.
//!
//! New records change what is known of few commitments: of those that they name, or that the record which they name
//! is about; of those in an agreement whose status or date they change; and of those whose deadline counts from
//! such a thing. These alone are looked at again. A test compares both ways after each record of any history.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;

use servanda_core::event::{Event, Fact, Kind};
use servanda_core::rules::Known as _;
use servanda_core::state::{Id, Ids, State};
use servanda_core::value::commitment::Standing;
use servanda_core::value::deadline::Anchor;
use servanda_core::value::id::{PartyId, Reference, Seq, Slug};
use servanda_core::value::when::Deadline;
use servanda_core::view::schedule::Term;
use servanda_core::view::{Commitment, Due, View};

use super::cell::Cell;
use super::look::{Look, Spans};
use super::natural;
use crate::parallel;

/// The most commitments whose rows are kept once they were made: a row takes about a kilobyte.
const ROWS: usize = 50_000;

/// What is found of a commitment.
#[derive(Debug)]
pub struct Glance {
    /// The number of its agreement.
    pub agreement: Option<Id>,
    /// The numbers of those who owe it.
    pub debtors: Ids,
    /// The numbers of those to whom it is owed.
    pub creditors: Ids,
    /// The numbers of all who have a role in it.
    pub parties: Ids,
    /// Where it stands as a whole.
    pub standing: Standing,
    /// Where its debtors stand.
    pub standings: Vec<Standing>,
    /// Whether it is argued about.
    pub is_contested: bool,
    /// What the calendar says of it.
    pub due: Due,
    /// The last day on which something is known to have happened.
    pub heard: NaiveDate,
    /// Its place in a calendar; none where it has no day.
    pub day: Option<CalendarDay>,
    /// What it adds to the report of what is due.
    pub look: Look,
    /// The agreement or commitment from which its deadline counts.
    anchor: Option<Id>,
    /// Its row in lists, once it was made.
    row: OnceLock<Vec<Cell>>,
}

/// The place of a commitment in a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarDay {
    /// Its day; of one that recurs, the first.
    pub date: NaiveDate,
    /// Whether it recurs.
    pub recurs: bool,
    /// Whether anything is owed on that day.
    pub is_owed: bool,
}

impl CalendarDay {
    /// The place of a commitment; none where it has no day.
    pub fn of(view: &View<'_>, commitment: &Commitment<'_>) -> Option<Self> {
        let first = || {
            let Some(Deadline::Recurring(Some(_))) = &commitment.terms.deadline else {
                return None;
            };
            view.occurrences(commitment)?.all.first()?.expected
        };
        let (date, recurs) = match view.term(commitment) {
            Term::Dated(date) => (date.latest, false),
            _ => (first()?, true),
        };
        let is_owed = commitment.standing.is_live();
        Some(Self {
            date,
            recurs,
            is_owed,
        })
    }
}

impl Glance {
    fn of<'r>(view: &View<'r>, commitment: &Commitment<'r>, spans: Spans) -> Self {
        let terms = &commitment.terms;
        let number = |id: &Slug| view.state.number(id);
        let numbers = |parties: &mut dyn Iterator<Item = &PartyId>| -> Ids {
            parties.filter_map(|party| number(&party.0)).collect()
        };
        let roles = [
            &terms.debtor,
            &terms.creditor,
            &terms.witness,
            &terms.guarantor,
        ];
        let anchor = match &terms.deadline {
            Some(Deadline::After(after)) => match &after.anchor {
                Anchor::Conclusion(agreement) | Anchor::Action(_, agreement) => {
                    number(&agreement.0)
                }
                Anchor::Standing(commitment, _) => number(&commitment.0),
            },
            _ => None,
        };
        Self {
            agreement: commitment.agreement(),
            debtors: numbers(&mut commitment.debtors().into_iter()),
            creditors: numbers(&mut commitment.creditors().into_iter()),
            parties: numbers(&mut roles.into_iter().flatten()),
            standing: commitment.standing,
            standings: commitment.standings.iter().map(|(_, at)| *at).collect(),
            is_contested: commitment.is_contested(),
            due: view.due(commitment, spans.soon),
            heard: view.last_heard(commitment),
            day: CalendarDay::of(view, commitment),
            look: Look::of(view, commitment, spans),
            anchor,
            row: OnceLock::new(),
        }
    }
}

/// What is found of every commitment of a view.
#[derive(Debug, Clone)]
pub struct Glances {
    as_of: NaiveDate,
    spans: Spans,
    /// How many records the state had.
    count: u64,
    /// What is found of each, at the number of its id; none of other ids.
    all: Vec<Option<Arc<Glance>>>,
    /// The numbers of the ids of all commitments, in the order of the ids.
    order: Arc<Vec<Id>>,
}

impl Glances {
    /// Looks at every commitment.
    pub fn new(view: &View<'_>, spans: Spans) -> Self {
        let numbers = natural::commitments(view);
        let found = parallel::ordered(view, numbers.len(), |scope, at| {
            let commitment = scope.view.commitment_numbered(numbers[at])?;
            let glance = Glance::of(&scope.view, &commitment, spans);
            Some((numbers[at], Arc::new(glance)))
        });
        let (mut all, mut order) = (Vec::new(), Vec::new());
        for (number, glance) in found.flatten() {
            put(&mut all, number, Some(glance));
            order.push(number);
        }
        Self {
            as_of: view.as_of,
            spans,
            count: view.state.count(),
            all,
            order: Arc::new(order),
        }
    }

    /// The same for the same day, with the records that came since: the view has the same ones first.
    #[must_use]
    pub fn caught_up(&self, view: &View<'_>) -> Self {
        let count = view.state.count();
        if count == self.count && view.as_of == self.as_of {
            return self.clone();
        }
        let mut changed = Changed::default();
        for seq in self.count..count {
            changed.note(view.state, Seq(seq), false);
        }
        if changed.is_all || count < self.count || view.as_of != self.as_of {
            return Self::new(view, self.spans);
        }
        let mut next = Self {
            count,
            ..self.clone()
        };
        for number in changed.commitments(&self.all) {
            next.look_again(view, number);
        }
        next
    }

    fn look_again(&mut self, view: &View<'_>, number: Id) {
        let slug = view.state.slug(number);
        let commitment = view.commitment_numbered(number);
        let glance = commitment.map(|each| Arc::new(Glance::of(view, &each, self.spans)));
        let (was, is) = (self.get(number).is_some(), glance.is_some());
        put(&mut self.all, number, glance);
        if was == is {
            return;
        }
        let before = |id: &Id| natural::order(view.state.slug(*id).as_str(), slug.as_str()).is_lt();
        let place = self.order.partition_point(before);
        let order = Arc::make_mut(&mut self.order);
        if is {
            order.insert(place, number);
        } else if order.get(place) == Some(&number) {
            order.remove(place);
        }
    }

    /// Whether they are of this view, and of these days.
    pub fn fit(&self, view: &View<'_>, spans: Spans) -> bool {
        (self.as_of, self.count, self.spans) == (view.as_of, view.state.count(), spans)
    }

    /// How many records the state had.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The day.
    pub fn as_of(&self) -> NaiveDate {
        self.as_of
    }

    /// What is found of the commitment of this number.
    pub fn get(&self, number: Id) -> Option<&Glance> {
        self.all.get(number as usize)?.as_deref()
    }

    /// The number of each commitment and what is found of it, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Glance)> {
        let order = self.order.iter();
        order.filter_map(|number| Some((*number, self.get(*number)?)))
    }

    /// The row of a commitment in lists: made now, or kept since it was made.
    pub fn row(&self, number: Id, make: impl FnOnce() -> Option<Vec<Cell>>) -> Option<Vec<Cell>> {
        let glance = self.get(number).filter(|_| self.order.len() <= ROWS);
        let Some(glance) = glance else {
            return make();
        };
        if let Some(row) = glance.row.get() {
            return Some(row.clone());
        }
        let row = make()?;
        Some(glance.row.get_or_init(|| row).clone())
    }
}

fn put(all: &mut Vec<Option<Arc<Glance>>>, number: Id, glance: Option<Arc<Glance>>) {
    let place = number as usize;
    if all.len() <= place {
        all.resize_with(place + 1, || None);
    }
    all[place] = glance;
}

/// What new records may have changed.
#[derive(Default)]
struct Changed {
    /// Commitments, and perhaps other ids.
    ids: BTreeSet<Id>,
    /// Agreements whose status, date or acts they may have changed.
    agreements: BTreeSet<Id>,
    /// Whether any commitment may be another one now.
    is_all: bool,
    /// The records that were looked at.
    seen: BTreeSet<Seq>,
}

impl Changed {
    /// Notes what a record may have changed: a new one, or one that such a record names.
    fn note(&mut self, state: &State, seq: Seq, is_named: bool) {
        if !self.seen.insert(seq) {
            return;
        }
        let Some(held) = state.held(seq) else {
            // It says nothing, or cannot be read.
            self.is_all |= state.kind(seq).is_some();
            return;
        };
        // What it named once may have been told of by it.
        for event in [&held.entry.event, held.recorded()] {
            self.note_event(state, event, is_named);
        }
        for correction in &held.corrections {
            if let Some(held) = state.held(*correction) {
                self.note_texts(state, &held.entry.event);
                self.note_texts(state, held.recorded());
            }
        }
    }

    fn note_event(&mut self, state: &State, event: &Event, is_named: bool) {
        // Who acts for whom decides whose standing a word moves.
        self.is_all |= match &event.fact {
            Fact::PartySucceeded(_) => true,
            Fact::PartyRegistered(fact) => is_named || fact.parent.is_some(),
            _ => false,
        };
        let kind = event.kind();
        let is_of_agreement = matches!(
            kind,
            Kind::AgreementRecorded | Kind::AgreementStatusChanged | Kind::ParticipationRecorded
        );
        self.note_texts(state, event);
        let mut records = Vec::new();
        event.each_reference(|_, named| match named {
            Reference::Record(seq) => records.push(seq),
            named => self.note_id(state, named.slug(), is_of_agreement),
        });
        let defined = event.defines().and_then(|defined| defined.slug().cloned());
        self.note_id(state, defined.as_ref(), is_of_agreement);
        for seq in records {
            self.note(state, seq, true);
        }
    }

    /// Notes what a correction makes a record name.
    fn note_texts(&mut self, state: &State, event: &Event) {
        let texts = event.correction().map(|correction| correction.to);
        for text in texts.into_iter().flatten() {
            let id: Option<Slug> = text.as_str().parse().ok();
            self.note_id(state, id.as_ref(), true);
        }
    }

    fn note_id(&mut self, state: &State, id: Option<&Slug>, is_of_agreement: bool) {
        if let Some(number) = id.and_then(|id| state.number(id)) {
            self.ids.insert(number);
            if is_of_agreement {
                self.agreements.insert(number);
            }
        }
    }

    /// The numbers of the commitments that are to be looked at again, and perhaps of other ids.
    fn commitments(mut self, all: &[Option<Arc<Glance>>]) -> BTreeSet<Id> {
        let known = || {
            (0..)
                .zip(all)
                .filter_map(|(id, one)| Some((id, one.as_ref()?)))
        };
        if !self.agreements.is_empty() {
            let is_in = |of: &Glance| of.agreement.is_some_and(|id| self.agreements.contains(&id));
            let within: Vec<Id> = known()
                .filter(|(_, of)| is_in(of))
                .map(|(id, _)| id)
                .collect();
            self.ids.extend(within);
        }
        let is_moved = |id| self.ids.contains(&id) || self.agreements.contains(&id);
        let anchored = known().filter(|(_, of)| of.anchor.is_some_and(is_moved));
        let anchored: Vec<Id> = anchored.map(|(id, _)| id).collect();
        self.ids.extend(anchored);
        self.ids
    }
}

#[cfg(test)]
mod tests;
