//! Views: what was true on a day, asked of a register.
//!
//! The register knows what was recorded; a view adds the other clock. An event counts on a day if it had
//! certainly happened by then: its last possible day is not later. An event that no date is known for
//! counts from the day it was recorded; a commitment without a date of its own has its agreement's.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::agreement::AgreementStatus;
use super::commitment::{Capacity, Contest, Standing};
use super::event::{
    AgreementRecorded, CommitmentRecorded, Entry, Event, Fact, PartyRegistered, SourceRegistered,
};
use super::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, SourceId, Subject};
use super::party::Name;
use super::register::{EntityKind, Register};
use super::when::{Deadline, When};

/// A register as of a day.
#[derive(Debug, Clone, Copy)]
pub struct View<'r> {
    /// What is known.
    pub register: &'r Register,
    /// The day: what happened later does not count.
    pub as_of: NaiveDate,
}

/// A party as of a day.
#[derive(Debug, Clone)]
pub struct Party<'r> {
    /// Its id.
    pub id: &'r PartyId,
    /// The record that registered it.
    pub recorded: &'r Entry,
    /// What it registered.
    pub fact: &'r PartyRegistered,
    /// Its names on that day; the first is shown.
    pub names: &'r [Name],
    /// Who succeeded it.
    pub successors: Vec<&'r PartyId>,
}

/// A source.
#[derive(Debug, Clone)]
pub struct Source<'r> {
    /// Its id.
    pub id: &'r SourceId,
    /// The record that registered it.
    pub recorded: &'r Entry,
    /// What it registered.
    pub fact: &'r SourceRegistered,
}

/// An agreement as of a day.
#[derive(Debug, Clone)]
pub struct Agreement<'r> {
    /// Its id.
    pub id: &'r AgreementId,
    /// The record of its conclusion.
    pub recorded: &'r Entry,
    /// What it recorded.
    pub fact: &'r AgreementRecorded,
    /// Its status.
    pub status: AgreementStatus,
    /// The records that moved its status, in order.
    pub moves: Vec<&'r Entry>,
    /// What the parties did about it.
    pub participation: Vec<&'r Entry>,
}

/// A commitment as of a day.
#[derive(Debug, Clone)]
pub struct Commitment<'r> {
    /// Its id.
    pub id: &'r CommitmentId,
    /// The record that made it.
    pub recorded: &'r Entry,
    /// Its terms, with every amendment applied.
    pub terms: CommitmentRecorded,
    /// Which record set each field of the terms, where that is not the first one.
    pub set_by: BTreeMap<&'static str, Seq>,
    /// Where it stands: the first axis.
    pub standing: Standing,
    /// The records that moved it there, in order.
    pub moves: Vec<&'r Entry>,
    /// What assessors found: the second axis. Never averaged.
    pub assessments: Vec<&'r Entry>,
    /// Whether it is argued about: the third axis.
    pub contest: Contest,
    /// The records that moved the contest, both sides.
    pub contests: Vec<&'r Entry>,
    /// Every record about it, in the order of the chain.
    pub trail: Vec<&'r Entry>,
}

/// What the calendar says of a commitment. Derived at query time, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its deadline has passed and it is still owed.
    Overdue {
        /// Whole days since the deadline.
        days: i64,
    },
    /// Its deadline lies within the days asked for.
    Soon {
        /// Whole days until the deadline.
        days: i64,
    },
    /// Its deadline lies further ahead.
    Later,
    /// Nothing says when it is due.
    Undated,
    /// It is to be kept at all times, or by a rule of recurrence.
    Standing,
    /// It is not owed now: proposed, waiting, claimed, breached, suspended or ended.
    NotOwed,
}

/// Every event, whenever it happened.
pub const END_OF_TIME: NaiveDate = NaiveDate::MAX;

impl<'r> View<'r> {
    /// Everything that is known, whenever it happened.
    pub fn whole(register: &'r Register) -> Self {
        Self {
            register,
            as_of: END_OF_TIME,
        }
    }

    /// Whether something had happened by the day of the view.
    pub fn has_happened(&self, entry: &Entry) -> bool {
        match &entry.event.fact {
            Fact::PartyRegistered(_) | Fact::SourceRegistered(_) | Fact::LedgerOpened(_) => true,
            _ => self.last_possible_day(entry) <= self.as_of,
        }
    }

    /// The last day on which it can have happened.
    fn last_possible_day(&self, entry: &Entry) -> NaiveDate {
        let own = entry.event.envelope.on;
        let earliest = own.and_then(When::earliest);
        let inherited = || match &entry.event.fact {
            // `after 2023-05` is a date of its own, if an open one.
            Fact::CommitmentRecorded(fact) if earliest.is_none() => self.agreed_on(&fact.agreement),
            _ => None,
        };
        own.and_then(When::latest)
            .or_else(|| inherited()?.latest())
            .unwrap_or_else(|| {
                let recorded = entry.recorded_at.day();
                earliest.map_or(recorded, |earliest| recorded.max(earliest))
            })
    }

    /// When an agreement was concluded.
    pub fn agreed_on(&self, agreement: &AgreementId) -> Option<When> {
        self.register.defining(&agreement.0)?.event.envelope.on
    }

    /// The records about something that had happened.
    pub fn trail(&self, subject: &Subject) -> impl DoubleEndedIterator<Item = &'r Entry> {
        let view = *self;
        self.register
            .trail(subject)
            .filter(move |entry| view.has_happened(entry))
    }

    /// All that had happened, in the order of the chain.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &'r Entry> {
        let view = *self;
        self.register
            .entries()
            .filter(move |entry| view.has_happened(entry))
    }

    fn defining(&self, id: &Slug) -> Option<&'r Entry> {
        self.register
            .defining(id)
            .filter(|entry| self.has_happened(entry))
    }

    /// A party.
    pub fn party(&self, id: &PartyId) -> Option<Party<'r>> {
        let recorded = self.defining(&id.0)?;
        let Fact::PartyRegistered(fact) = &recorded.event.fact else {
            return None;
        };
        let mut names = fact.name.as_slice();
        let mut successors = Vec::new();
        for entry in self.trail(&Subject::Entity(id.0.clone())) {
            match &entry.event.fact {
                Fact::PartyRenamed(renamed) if renamed.party == *id => names = &renamed.name,
                Fact::PartySucceeded(succeeded) if succeeded.party == *id => {
                    successors.extend(&succeeded.successor);
                }
                _ => {}
            }
        }
        Some(Party {
            id: &fact.id,
            recorded,
            fact,
            names,
            successors,
        })
    }

    /// A source.
    pub fn source(&self, id: &SourceId) -> Option<Source<'r>> {
        let recorded = self.defining(&id.0)?;
        match &recorded.event.fact {
            Fact::SourceRegistered(fact) => Some(Source {
                id: &fact.id,
                recorded,
                fact,
            }),
            _ => None,
        }
    }

    /// An agreement.
    pub fn agreement(&self, id: &AgreementId) -> Option<Agreement<'r>> {
        let recorded = self.defining(&id.0)?;
        let Fact::AgreementRecorded(fact) = &recorded.event.fact else {
            return None;
        };
        let mut agreement = Agreement {
            id: &fact.id,
            recorded,
            fact,
            status: AgreementStatus::Concluded,
            moves: Vec::new(),
            participation: Vec::new(),
        };
        for entry in self.trail(&Subject::Entity(id.0.clone())) {
            match &entry.event.fact {
                Fact::AgreementStatusChanged(changed) if changed.agreement == *id => {
                    agreement.status = changed.to;
                    agreement.moves.push(entry);
                }
                Fact::ParticipationRecorded(did) if did.agreement == *id => {
                    agreement.participation.push(entry);
                }
                _ => {}
            }
        }
        Some(agreement)
    }

    /// A commitment.
    pub fn commitment(&self, id: &CommitmentId) -> Option<Commitment<'r>> {
        let recorded = self.defining(&id.0)?;
        let Fact::CommitmentRecorded(fact) = &recorded.event.fact else {
            return None;
        };
        let mut commitment = Commitment {
            id: &fact.id,
            recorded,
            terms: fact.clone(),
            set_by: BTreeMap::new(),
            standing: fact.standing.unwrap_or(Standing::Agreed),
            moves: Vec::new(),
            assessments: Vec::new(),
            contest: Contest::None,
            contests: Vec::new(),
            trail: Vec::new(),
        };
        commitment.note_corrections(self.register);
        for entry in self.trail(&Subject::Entity(id.0.clone())) {
            commitment.take(entry);
        }
        Some(commitment)
    }

    /// Every party, by id.
    pub fn parties(&self) -> Vec<Party<'r>> {
        self.register
            .ids(EntityKind::Party)
            .filter_map(|id| self.party(&PartyId(id.clone())))
            .collect()
    }

    /// Every source, by id.
    pub fn sources(&self) -> Vec<Source<'r>> {
        self.register
            .ids(EntityKind::Source)
            .filter_map(|id| self.source(&SourceId(id.clone())))
            .collect()
    }

    /// Every agreement, by id.
    pub fn agreements(&self) -> Vec<Agreement<'r>> {
        self.register
            .ids(EntityKind::Agreement)
            .filter_map(|id| self.agreement(&AgreementId(id.clone())))
            .collect()
    }

    /// Every commitment, by id.
    pub fn commitments(&self) -> Vec<Commitment<'r>> {
        self.register
            .ids(EntityKind::Commitment)
            .filter_map(|id| self.commitment(&CommitmentId(id.clone())))
            .collect()
    }

    /// What the calendar says of a commitment on the view's day; `soon` is how many days ahead count as soon.
    pub fn due(&self, commitment: &Commitment<'_>, soon: Days) -> Due {
        if !commitment.standing.can_be_overdue() {
            return Due::NotOwed;
        }
        match &commitment.terms.deadline {
            None => Due::Undated,
            Some(deadline) if deadline.is_undated() => Due::Undated,
            Some(Deadline::Recurring(_) | Deadline::Continuing) => Due::Standing,
            Some(Deadline::By(when)) => match when.latest() {
                None => Due::Undated,
                Some(last) if last < self.as_of => Due::Overdue {
                    days: (self.as_of - last).num_days(),
                },
                Some(last)
                    if self
                        .as_of
                        .checked_add_days(soon)
                        .is_some_and(|limit| last <= limit) =>
                {
                    Due::Soon {
                        days: (last - self.as_of).num_days(),
                    }
                }
                Some(_) => Due::Later,
            },
        }
    }

    /// The last day on which something is known to have happened about a commitment.
    pub fn last_heard(&self, commitment: &Commitment<'_>) -> NaiveDate {
        commitment
            .trail
            .iter()
            .filter(|entry| !is_bookkeeping(&entry.event))
            .map(|entry| self.last_possible_day(entry))
            .max()
            .unwrap_or_else(|| self.last_possible_day(commitment.recorded))
    }
}

/// Whether an event is about the record, not about the world.
fn is_bookkeeping(event: &Event) -> bool {
    matches!(
        event.fact,
        Fact::Noted(_) | Fact::Corrected(_) | Fact::Retracted(_) | Fact::Redacted(_)
    )
}

impl<'r> Commitment<'r> {
    /// Who owes it: the debtors, and on a mutual commitment the creditors too.
    pub fn debtors(&self) -> Vec<&PartyId> {
        both_sides(&self.terms.debtor, &self.terms.creditor, self.terms.mutual)
    }

    /// To whom it is owed: the creditors, and on a mutual commitment the debtors too.
    pub fn creditors(&self) -> Vec<&PartyId> {
        both_sides(&self.terms.creditor, &self.terms.debtor, self.terms.mutual)
    }

    /// The parties whose claim of fulfilment is being answered, or was answered by the breach that stands.
    /// An older claim, which was rejected or overtaken, binds nobody any more.
    pub fn claimants(&self) -> &'r [PartyId] {
        let led_to = |entry: &Entry, to| match &entry.event.fact {
            Fact::StatusChanged(fact) => fact.to == to,
            _ => false,
        };
        let claim = match self.moves.as_slice() {
            [.., claim, breach] if led_to(breach, Standing::Breached) => Some(claim),
            moves => moves.last(),
        };
        claim
            .filter(|entry| led_to(entry, Standing::Claimed))
            .map_or(&[], |entry| entry.event.envelope.by.as_slice())
    }

    /// Whether an assessor or arbiter has looked at it.
    pub fn is_verified(&self) -> bool {
        let arbitrated = self.moves.iter().any(|entry| match &entry.event.fact {
            Fact::StatusChanged(fact) => {
                matches!(fact.capacity, Some(Capacity::Arbiter | Capacity::Assessor))
            }
            _ => false,
        });
        arbitrated || !self.assessments.is_empty()
    }

    /// Notes which corrections set which fields of the defining record.
    fn note_corrections(&mut self, register: &Register) {
        let Some(held) = register.held(self.recorded.seq) else {
            return;
        };
        for correction in &held.corrections {
            if let Some(Fact::Corrected(fact)) = register.entry(*correction).map(|e| &e.event.fact)
                && let Some(spec) = self.recorded.event.kind().field(fact.field.as_str())
            {
                self.set_by.insert(spec.name, *correction);
            }
        }
    }

    fn take(&mut self, entry: &'r Entry) {
        self.trail.push(entry);
        match &entry.event.fact {
            Fact::StatusChanged(fact) if fact.commitment == *self.id => {
                self.standing = fact.to;
                self.moves.push(entry);
            }
            Fact::ContestMoved(fact) if fact.commitment == *self.id => {
                self.contest = fact.to;
                self.contests.push(entry);
            }
            Fact::Assessed(fact) if fact.commitment == *self.id => self.assessments.push(entry),
            Fact::CommitmentAmended(fact) if fact.commitment == *self.id => {
                let mut set = |field: &'static str| {
                    self.set_by.insert(field, entry.seq);
                };
                replace_some(
                    &mut self.terms.condition,
                    &fact.condition,
                    "condition",
                    &mut set,
                );
                replace_some(&mut self.terms.measure, &fact.measure, "measure", &mut set);
                replace_some(
                    &mut self.terms.deadline,
                    &fact.deadline,
                    "deadline",
                    &mut set,
                );
                replace_all(
                    &mut self.terms.modality,
                    &fact.modality,
                    "modality",
                    &mut set,
                );
                replace_all(&mut self.terms.debtor, &fact.debtor, "debtor", &mut set);
                replace_all(
                    &mut self.terms.creditor,
                    &fact.creditor,
                    "creditor",
                    &mut set,
                );
                replace_all(&mut self.terms.purpose, &fact.purpose, "purpose", &mut set);
                if let Some(text) = &fact.text {
                    self.terms.text = text.clone();
                    set("text");
                }
            }
            _ => {}
        }
    }
}

fn both_sides<'a>(own: &'a [PartyId], other: &'a [PartyId], mutual: bool) -> Vec<&'a PartyId> {
    let mut all: Vec<&PartyId> = own.iter().collect();
    if mutual {
        all.extend(other.iter().filter(|party| !own.contains(party)));
    }
    all
}

fn replace_some<T: Clone>(
    term: &mut Option<T>,
    new: &Option<T>,
    field: &'static str,
    set: &mut impl FnMut(&'static str),
) {
    if new.is_some() {
        term.clone_from(new);
        set(field);
    }
}

fn replace_all<T: Clone>(
    term: &mut Vec<T>,
    new: &[T],
    field: &'static str,
    set: &mut impl FnMut(&'static str),
) {
    if !new.is_empty() {
        *term = new.to_vec();
        set(field);
    }
}
