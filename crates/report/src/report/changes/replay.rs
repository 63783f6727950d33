//! The records of a ledger taken in one after the other, each with what it changed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::vec;

use servanda_core::event::{Entry, Event, Fact};
use servanda_core::rules::Known;
use servanda_core::state::{CurrentRecord, EntityKind, State};
use servanda_core::value::id::{AgreementId, CommitmentId, Seq, Slug, Subject};
use servanda_core::view::View;
use servanda_core::view::sentences::{Names, Sentences};

use super::asked::Asked;
use super::ends::Ends;
use super::step::{Line, Step};
use super::terms::{Difference, Terms, Touch, differences, terms, touched};
use crate::parallel::{self, Scope};
use crate::report::cells;
use crate::report::document::Row;

/// The records that are read together, and let go of together.
const PART: u64 = 4_096;

/// The most entities of which it is kept what stands. All are let go of where there would be more, and a history is
/// read again where it is asked for again.
const KEPT: usize = 1_024;

/// A replay at some record.
#[derive(Clone)]
pub struct Replay<'r> {
    view: View<'r>,
    asked: Arc<Asked>,
    names: Names,
    /// The next record, and the first one that is not taken in.
    next: u64,
    end: u64,
    past: State,
    /// What stands of some of the entities of which a field changed, so that their histories are read seldom. The
    /// standing, contest and status of every entity are at hand in the state.
    terms: HashMap<Slug, Terms>,
}

impl<'r> Replay<'r> {
    /// A replay that has taken in all records before the first one that is asked for.
    pub fn until_first(view: &View<'r>, asked: Asked) -> Self {
        let is_wanted = |seq: &u64| asked.wants(view, Seq(*seq));
        let count = view.state.count();
        let first = (0..count).find(is_wanted);
        let end = (0..count).rev().find(is_wanted).map_or(0, |last| last + 1);
        let mut replay = Self {
            view: *view,
            asked: Arc::new(asked),
            names: Names::default(),
            next: 0,
            end: first.unwrap_or(0),
            past: view.state.anew(),
            terms: HashMap::new(),
        };
        while replay.next < replay.end {
            let state = replay.read_part();
            replay.take_part(&state, |replay, held, _| replay.past.apply(&recorded(held)));
        }
        replay.end = end;
        replay
    }

    /// The rows of all records that are asked for.
    pub fn rows(mut self) -> impl Iterator<Item = Row> + use<'r> {
        let mut ready = Vec::new().into_iter();
        std::iter::from_fn(move || {
            loop {
                if let Some(row) = ready.next() {
                    return Some(row);
                }
                ready = self.part_rows()?;
            }
        })
    }

    /// The rows of the fields and axes that stand otherwise after the last record that is asked for.
    pub fn ends(mut self) -> impl Iterator<Item = Row> + use<'r> {
        let mut ends = Ends::default();
        while self.next < self.end {
            let state = self.read_part();
            self.take_part(&state, |replay, held, is_wanted| {
                let entry = recorded(held);
                if is_wanted {
                    let touches = replay.take(&entry);
                    ends.note(&replay.past, touches);
                } else {
                    let touched = touched(&replay.past, entry.seq, &entry.event);
                    ends.pin(&replay.past, touched);
                    replay.pass(&entry);
                }
            });
        }
        if self.end < self.view.state.count() {
            ends.pin_all(&self.past);
        }
        ends.rows(&self.view)
    }

    /// The rows of the next records; none after the last.
    fn part_rows(&mut self) -> Option<vec::IntoIter<Row>> {
        (self.next < self.end).then_some(())?;
        let state = self.read_part();
        let mut steps = Vec::new();
        self.take_part(&state, |replay, held, is_wanted| {
            let entry = recorded(held);
            if is_wanted {
                let first = replay.of_earlier(&entry.event);
                let touches = replay.take(&entry);
                steps.push(Step::new(&entry, first, touches));
            } else {
                replay.pass(&entry);
            }
        });
        let view = View {
            state: &state,
            as_of: self.view.as_of,
        };
        let rows = parallel::shared(0..steps.len(), |stretch| {
            let scope = Scope::new(&view, &self.names);
            stretch.flat_map(|at| steps[at].rows(&scope)).collect()
        });
        Some(rows.into_iter())
    }

    /// The next records, read by all processors. They are in memory as long as what this gives.
    fn read_part(&self) -> State {
        let state = self.view.state.clone();
        let part = self.next as usize..self.part_end() as usize;
        parallel::shared(part, |stretch| {
            stretch.for_each(|at| {
                let _ = state.held(Seq(at as u64));
            });
            Vec::<()>::new()
        });
        state
    }

    fn part_end(&self) -> u64 {
        self.end.min(self.next + PART)
    }

    /// Goes through the next records, which were read already; `each` gets those that are there, and whether they are
    /// asked for.
    fn take_part(&mut self, read: &State, mut each: impl FnMut(&mut Self, &CurrentRecord, bool)) {
        for seq in (self.next..self.part_end()).map(Seq) {
            match read.held(seq) {
                Some(held) => {
                    let is_wanted = self.asked.wants(&self.view, seq);
                    each(self, held, is_wanted);
                }
                None => self.past.apply_missing(),
            }
        }
        self.next = self.part_end();
    }

    /// Takes in a record that is not asked for.
    fn pass(&mut self, entry: &Entry) {
        if !self.terms.is_empty() {
            for id in touched(&self.past, entry.seq, &entry.event) {
                self.terms.remove(&id);
            }
        }
        self.past.apply(entry);
    }

    /// What a record itself says of an earlier one.
    fn of_earlier(&self, event: &Event) -> Option<Line> {
        match &event.fact {
            Fact::Corrected(fact) => Some(Line::Change {
                what: format!("record {}: {}", fact.record, fact.field),
                before: cells::texts(&fact.old),
                after: cells::texts(&fact.to),
            }),
            Fact::Retracted(fact) => {
                let withheld = self.view.state.redacted_by(fact.record).is_some();
                let held = self.past.held(fact.record);
                let said = held.map(|held| {
                    let sentences = Sentences::with(self.view.state, self.names.clone());
                    sentences.of_event(&held.entry.event, fact.record)
                });
                let said = said.filter(|_| !withheld);
                let said = said.unwrap_or_else(|| cells::WITHHELD.to_owned());
                Some(Line::Change {
                    what: format!("record {}: {said}", fact.record),
                    before: vec!["counted".to_owned()],
                    after: vec!["retracted".to_owned()],
                })
            }
            _ => None,
        }
    }

    /// Takes in a record, and says what it changed.
    fn take(&mut self, entry: &Entry) -> Vec<Touch> {
        #[cfg(test)]
        super::steps::count(1);
        match &entry.event.fact {
            Fact::StatusChanged(fact) => {
                let id = &fact.commitment;
                self.move_axis(entry, &id.0, "standing", |past| standing(past, id))
            }
            Fact::ContestMoved(fact) => {
                self.move_axis(entry, &fact.commitment.0, "contest", |past| {
                    let position = past.position(&fact.commitment)?;
                    Some(position.contest().to_string())
                })
            }
            Fact::AgreementStatusChanged(fact) => {
                let id = &fact.agreement;
                self.move_axis(entry, &id.0, "status", |past| status(past, id))
            }
            Fact::CommitmentAmended(fact) => {
                let fields = entry.event.to_fields();
                let own = entry.event.kind().own_fields().iter().map(|spec| spec.name);
                let terms = own.filter(|name| !matches!(*name, "commitment" | "instrument"));
                let new = terms.map(|name| (name, fields.get(name).to_vec()));
                let new: Vec<_> = new.filter(|(_, texts)| !texts.is_empty()).collect();
                self.set_fields(entry, &fact.commitment.0, |all, past| {
                    all.extend(new);
                    // It is that of the debtors, who may be others now.
                    let standing = standing(past, &fact.commitment);
                    all.extend(standing.map(|standing| ("standing", vec![standing])));
                })
            }
            Fact::PartyRenamed(fact) => self.set_fields(entry, &fact.party.0, |all, _| {
                all.insert("name", cells::texts(&fact.name));
            }),
            Fact::PartySucceeded(fact) => self.set_fields(entry, &fact.party.0, |all, _| {
                let successors = all.entry("successor").or_default();
                successors.extend(cells::texts(&fact.successor));
            }),
            Fact::Corrected(_) | Fact::Retracted(_) | Fact::Redacted(_) => self.mend(entry),
            _ => self.define(entry),
        }
    }

    /// Takes in a record that moves an axis of an entity.
    fn move_axis(
        &mut self,
        entry: &Entry,
        id: &Slug,
        name: &'static str,
        of: impl Fn(&State) -> Option<String>,
    ) -> Vec<Touch> {
        let before: Vec<String> = of(&self.past).into_iter().collect();
        self.past.apply(entry);
        let after: Vec<String> = of(&self.past).into_iter().collect();
        if before == after {
            return Vec::new();
        }
        if let Some(terms) = self.terms.get_mut(id) {
            terms.insert(name, after.clone());
        }
        let difference = Difference {
            name,
            before,
            after,
        };
        vec![Touch::Changed(id.clone(), vec![difference])]
    }

    /// Takes in a record that sets fields of an entity.
    fn set_fields(
        &mut self,
        entry: &Entry,
        id: &Slug,
        set: impl FnOnce(&mut Terms, &State),
    ) -> Vec<Touch> {
        let before = self.terms_of(id);
        self.past.apply(entry);
        let mut after = before.clone();
        if !after.is_empty() {
            set(&mut after, &self.past);
        }
        self.changed(id, &before, after).into_iter().collect()
    }

    /// Takes in a record that gives an id, or changes nothing that stands.
    fn define(&mut self, entry: &Entry) -> Vec<Touch> {
        let Some(Subject::Entity(id)) = entry.event.defines().map(|named| named.subject()) else {
            self.past.apply(entry);
            return Vec::new();
        };
        if self.past.entity(&id).is_some() {
            return self.mend(entry);
        }
        self.terms.remove(&id);
        self.past.apply(entry);
        let axis = match self.past.entity(&id) {
            Some((EntityKind::Commitment, _)) => standing(&self.past, &CommitmentId(id.clone())),
            Some((EntityKind::Agreement, _)) => status(&self.past, &AgreementId(id.clone())),
            Some((EntityKind::Party, _)) => None,
            _ => return Vec::new(),
        };
        vec![Touch::Appeared(id, axis.into_iter().collect())]
    }

    /// Takes in a record that may change anything of the entities that it touches.
    fn mend(&mut self, entry: &Entry) -> Vec<Touch> {
        let ids = touched(&self.past, entry.seq, &entry.event).into_iter();
        let before: Vec<(Slug, Terms)> = ids.map(|id| (id.clone(), self.terms_of(&id))).collect();
        self.past.apply(entry);
        let touches = before.into_iter().filter_map(|(id, before)| {
            let after = terms(&self.past, &id);
            self.changed(&id, &before, after)
        });
        touches.collect()
    }

    /// What stands of an entity, taken out of what is kept.
    fn terms_of(&mut self, id: &Slug) -> Terms {
        let kept = self.terms.remove(id);
        kept.unwrap_or_else(|| terms(&self.past, id))
    }

    /// Keeps what stands of an entity, and says how that differs from before.
    fn changed(&mut self, id: &Slug, before: &Terms, after: Terms) -> Option<Touch> {
        let touch = if before.is_empty() && !after.is_empty() {
            let axis = after.get("standing").or(after.get("status"));
            Touch::Appeared(id.clone(), axis.cloned().unwrap_or_default())
        } else {
            Touch::Changed(id.clone(), differences(before, &after))
        };
        if self.terms.len() == KEPT {
            self.terms.clear();
        }
        self.terms.insert(id.clone(), after);
        match touch {
            Touch::Changed(_, differences) if differences.is_empty() => None,
            touch => Some(touch),
        }
    }
}

/// A record as it was recorded.
fn recorded(held: &CurrentRecord) -> Cow<'_, Entry> {
    match &held.original {
        None => Cow::Borrowed(&held.entry),
        Some(original) => Cow::Owned(Entry {
            event: Event::clone(original),
            ..held.entry
        }),
    }
}

fn standing(past: &State, id: &CommitmentId) -> Option<String> {
    let standings = past.position(id)?.standings();
    let each: Vec<_> = standings.each().collect();
    Some(cells::standing_text(past, standings.whole(), &each))
}

fn status(past: &State, id: &AgreementId) -> Option<String> {
    let status = View::whole(past).agreement_status(id)?;
    Some(status.to_string())
}
