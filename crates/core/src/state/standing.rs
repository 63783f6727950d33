//! Where the debtors of a commitment stand, and whose performance a move is about. Nothing else works these out.
//!
//! Each debtor has a standing of its own. A record says whose performance it is about; one of schema 1 does not, and is
//! then about every debtor whose standing its word may move ([`Standings::about`]). Whether it may come was asked of one
//! standing for all debtors then, so that is kept too ([`Standings::joint`]).

use std::fmt;

use smallvec::SmallVec;

use super::facts::{Amendment, CommitmentFacts, Terms};
use super::folds::{Folds, STEP};
use super::id_table::{Id, Ids};
use super::sides::Sides;
use super::word::Word;
use crate::value::commitment::{Asserter, Capacity, Standing, TRANSITIONS, Transition, transition};
use crate::value::id::Seq;
use crate::value::when::Deadline;

/// What is asked about those who move standings. The state answers it.
pub(super) trait Sayings: fmt::Debug {
    /// The word of a number.
    fn word(&self, number: u32) -> Option<&Word>;
    /// The sides of a number.
    fn sides(&self, number: u32) -> Option<&Sides>;
    /// The deadline of a number, if it is of one.
    fn deadline(&self, number: u32) -> Option<&Deadline>;
    /// All parties for which one of these may act, and these themselves.
    fn principals(&self, actors: &[Id]) -> Ids;
    /// Where debtors stood in between.
    fn folds(&self) -> &Folds<Stood>;
}

/// A commitment: its number, the record that defines it, its terms at first, and what became of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise<'s> {
    pub number: Id,
    pub defined: u32,
    pub terms: &'s Terms,
    pub facts: &'s CommitmentFacts,
}

/// Debtors, each with where it stands.
pub type Debtors = SmallVec<[(Id, Standing); 2]>;

/// A move of the standing of some debtors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The record that moved it.
    pub seq: Seq,
    /// Where these debtors stand from now on.
    pub to: Standing,
    /// The debtors, each with where it stood before.
    pub of: Debtors,
    /// Where the commitment as a whole stood before.
    pub before: Standing,
    /// Where the commitment as a whole stands from now on.
    pub after: Standing,
}

/// Where the debtors of a commitment stand after some of its records.
#[derive(Debug, Clone)]
pub struct Standings<'s> {
    state: &'s dyn Sayings,
    sides: Sides,
    joint: Track,
    each: SmallVec<[(Id, Track); 2]>,
}

/// The same without the state: the sides, where the last move led, and each debtor.
pub(super) type Stood = (Sides, Track, SmallVec<[(Id, Track); 2]>);

/// Where a debtor stands, and the number of the word of the claim that is open, or was answered by its breach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Track {
    standing: Standing,
    claim: Option<u32>,
}

impl Track {
    fn at(standing: Standing) -> Self {
        let claim = None;
        Self { standing, claim }
    }

    fn take(&mut self, to: Standing, word: u32) {
        self.claim = match to {
            Standing::Claimed => Some(word),
            Standing::Breached if self.standing == Standing::Claimed => self.claim,
            _ => None,
        };
        self.standing = to;
    }
}

impl<'s> Standings<'s> {
    /// Where they stand by the terms alone.
    fn first(state: &'s dyn Sayings, terms: &Terms) -> Self {
        let sides = state.sides(terms.sides).cloned().unwrap_or_default();
        let first = Track::at(terms.standing.unwrap_or(Standing::Agreed));
        let debtors = sides.debtors().into_iter();
        Self {
            state,
            each: debtors.map(|debtor| (debtor, first)).collect(),
            joint: first,
            sides,
        }
    }

    /// Where they stand after the records before one.
    pub(super) fn before(state: &'s dyn Sayings, promise: Promise<'_>, record: u32) -> Self {
        let Promise { terms, facts, .. } = promise;
        let one = |debtors: &[Id]| debtors.len() <= 1;
        let mut amendments = facts.amendments.values();
        let mut standings = Self::first(state, terms);
        let sides = &standings.sides;
        let always_one = one(&sides.debtor) && amendments.all(|each| one(&each.debtor));
        if !always_one || sides.mutual {
            return standings.of_several(promise, record);
        }
        // All moves are of the only debtor, so that the last two tell.
        let mut last = facts.moves.before(record).map(|(_, word)| *word);
        let last = [last.next(), last.next()];
        for word in last.into_iter().rev().flatten() {
            if let Some(said) = state.word(word) {
                standings.joint.take(said.to, word);
            }
        }
        for (_, amendment) in facts.amendments.iter().filter(|(at, _)| *at < record) {
            standings.amend(amendment);
        }
        for (_, track) in &mut standings.each {
            *track = standings.joint;
        }
        standings
    }

    /// The same where there are or were several debtors, from where they stand by the terms alone: each move has to be gone
    /// through, but not from the first one each time.
    fn of_several(self, promise: Promise<'_>, record: u32) -> Self {
        let Promise {
            number,
            defined,
            facts,
            ..
        } = promise;
        let state = self.state;
        let mut standings = self;
        let is_long = facts.moves.0.len() > STEP;
        let kept = is_long.then(|| state.folds().before(number, defined, record));
        let mut from = 0;
        if let Some((after, (sides, joint, each))) = kept.flatten() {
            (standings.sides, standings.joint, standings.each) = (sides, joint, each);
            from = after + 1;
        }
        for moves in facts.moves.within(from, record).chunks_exact(STEP) {
            let Some((last, _)) = moves.last() else { break };
            standings.walk(
                moves,
                facts.amendments.within(from, *last),
                |_| true,
                |_| {},
            );
            let Self {
                sides, joint, each, ..
            } = &standings;
            let stood = (sides.clone(), *joint, each.clone());
            state.folds().keep(number, defined, *last, stood);
            from = last + 1;
        }
        let (moves, amendments) = (
            facts.moves.within(from, record),
            facts.amendments.within(from, record),
        );
        standings.walk(moves, amendments, |_| true, |_| {});
        standings
    }

    /// Takes in those of these moves and amendments that count, in the order of their records, and tells each move.
    fn walk(
        &mut self,
        moves: &[(u32, u32)],
        amendments: &[(u32, Amendment)],
        counts: impl Fn(u32) -> bool,
        mut tell: impl FnMut(Move),
    ) {
        let amendments = amendments.iter();
        let mut amendments = amendments.filter(|(at, _)| counts(*at)).peekable();
        for (record, word) in moves.iter().filter(|(at, _)| counts(*at)) {
            while let Some((_, amendment)) = amendments.next_if(|(at, _)| at < record) {
                self.amend(amendment);
            }
            let Some(said) = self.word(*word) else {
                continue;
            };
            let before = self.whole();
            let of = self.take(said, *word);
            tell(Move {
                seq: Seq((*record).into()),
                to: said.to,
                of,
                before,
                after: self.whole(),
            });
        }
        amendments.for_each(|(_, amendment)| self.amend(amendment));
    }

    /// As [`Standings::walk`] from the terms on: the moves, and where they led.
    pub(super) fn all(
        state: &'s dyn Sayings,
        terms: &Terms,
        facts: &CommitmentFacts,
        counts: impl Fn(u32) -> bool,
    ) -> (Vec<Move>, Self) {
        let mut standings = Self::first(state, terms);
        let mut moves = Vec::with_capacity(facts.moves.0.len());
        standings.walk(&facts.moves.0, &facts.amendments.0, counts, |one| {
            moves.push(one)
        });
        (moves, standings)
    }

    /// Moves the standing of those whom a word is about, and returns them with where they stood before.
    fn take(&mut self, said: &Word, word: u32) -> Debtors {
        let (to, about) = (said.to, self.about(said));
        self.joint.take(to, word);
        let mut moved = Debtors::new();
        for (debtor, track) in &mut self.each {
            if about.contains(debtor) {
                moved.push((*debtor, track.standing));
                track.take(to, word);
            }
        }
        moved
    }

    /// Takes in new sides. Who replaces debtors stands where they stood, and who joins them stands where the commitment
    /// itself does: what others did with it is not the newcomer's. Where that differs, it is in force for the newcomer.
    fn amend(&mut self, amendment: &Amendment) {
        for (side, new) in [
            (&mut self.sides.debtor, &amendment.debtor),
            (&mut self.sides.creditor, &amendment.creditor),
        ] {
            if !new.is_empty() {
                side.clone_from(new);
            }
        }
        let debtors = self.sides.debtors();
        let (left, stayed): (Vec<_>, Vec<_>) = self
            .each
            .drain(..)
            .partition(|(party, _)| !debtors.contains(party));
        let replaces = !left.is_empty();
        let models = if replaces { &left } else { &stayed };
        let mut models = models.iter().map(|(_, track)| track.standing);
        let model = models
            .next()
            .filter(|model| models.all(|other| other == *model));
        let model = model.filter(|model| replaces || !model.tells_of_keeping());
        let newcomer = match left.as_slice() {
            [(_, left)] => *left,
            _ => Track::at(model.unwrap_or(Standing::Active)),
        };
        let own = |debtor| {
            let found = stayed.iter().find(|(party, _)| *party == debtor);
            found.copied().unwrap_or((debtor, newcomer))
        };
        self.each = debtors.into_iter().map(own).collect();
    }

    /// Where the commitment as a whole stands.
    pub fn whole(&self) -> Standing {
        let each = self.each().map(|(_, standing)| standing);
        Standing::of_all(each).unwrap_or(self.joint.standing)
    }

    /// Each debtor, and where it stands.
    pub fn each(&self) -> impl Iterator<Item = (Id, Standing)> {
        self.each
            .iter()
            .map(|(debtor, track)| (*debtor, track.standing))
    }

    /// Where a debtor stands; none if it is no debtor.
    pub fn of(&self, debtor: Id) -> Option<Standing> {
        self.each()
            .find(|(party, _)| *party == debtor)
            .map(|(_, standing)| standing)
    }

    /// Where the last move led, whomever it was about. It decides what comes next where a record does not say whose
    /// performance it is about.
    pub fn joint(&self) -> Standing {
        self.joint.standing
    }

    /// Who owes it.
    pub fn debtors(&self) -> Ids {
        self.sides.debtors()
    }

    /// To whom it is owed.
    pub fn creditors(&self) -> Ids {
        self.sides.creditors()
    }

    /// The debtors whose performance a move is about: those that it names. Where it names none, it is about the only
    /// debtor, or about all whose standing it may move; if there are none, about those whom such a word can only mean.
    pub fn about(&self, word: &Word) -> Ids {
        let to = word.to;
        if let [(only, _)] = self.each.as_slice() {
            return Ids::from_slice(&[*only]);
        }
        if !word.debtor.is_empty() {
            return word.debtor.clone();
        }
        let hearing = Hearing::new(self, word);
        let row = |(debtor, track): &(Id, Track)| Some((*debtor, transition(track.standing, to)?));
        let movable: Vec<(Id, &Transition)> = self.each.iter().filter_map(row).collect();
        let moved = movable
            .iter()
            .filter(|(debtor, row)| hearing.suffices(row, Some(*debtor)));
        let moved: Ids = moved.map(|(debtor, _)| *debtor).collect();
        if !moved.is_empty() {
            return moved;
        }
        let meant = hearing.meant(to);
        let can_move = |debtor: &&Id| movable.iter().any(|(party, _)| party == *debtor);
        let both: Ids = meant.iter().filter(can_move).copied().collect();
        if both.is_empty() { meant } else { both }
    }

    /// Whether a word suffices for a row of the table of transitions, for one debtor or for all at once.
    pub fn suffices(&self, row: &Transition, word: &Word, debtor: Option<Id>) -> bool {
        Hearing::new(self, word).suffices(row, debtor)
    }

    fn word(&self, number: u32) -> Option<&'s Word> {
        self.state.word(number)
    }
}

/// Who stands behind a move, measured against who must.
struct Hearing<'a> {
    standings: &'a Standings<'a>,
    capacity: Option<Capacity>,
    /// All for whom one of those speaks who say it.
    voices: Ids,
    debtors: Ids,
    creditors: Ids,
}

impl<'a> Hearing<'a> {
    fn new(standings: &'a Standings<'a>, word: &Word) -> Self {
        Self {
            standings,
            capacity: word.capacity,
            voices: standings.state.principals(&word.by),
            debtors: standings.debtors(),
            creditors: standings.creditors(),
        }
    }

    fn suffices(&self, row: &Transition, debtor: Option<Id>) -> bool {
        row.by
            .iter()
            .any(|asserter| self.satisfies(*asserter, debtor))
    }

    fn satisfies(&self, asserter: Asserter, debtor: Option<Id>) -> bool {
        let all =
            |parties: &[Id]| !parties.is_empty() && parties.iter().all(|party| self.speaks(*party));
        match asserter {
            Asserter::AllDebtors => all(&self.debtors),
            Asserter::AllParties => all(&self.debtors) && all(&self.creditors),
            Asserter::AnyParty => self.speaks_for_a_side(),
            Asserter::Terms => self.capacity == Some(Capacity::Terms),
            Asserter::Arbiter => self.is_outside(Capacity::Arbiter),
            Asserter::Assessor => self.is_outside(Capacity::Assessor),
            Asserter::Debtor => {
                self.claims(Capacity::Debtor)
                    && match debtor {
                        Some(debtor) => self.speaks(debtor),
                        None => self.speaks_for_one(&self.debtors),
                    }
            }
            Asserter::Creditor => self.claims(Capacity::Creditor) && self.answers(debtor),
        }
    }

    /// Whether the capacity given, if one is, is this one.
    fn claims(&self, capacity: Capacity) -> bool {
        self.capacity.is_none_or(|given| given == capacity)
    }

    fn speaks(&self, party: Id) -> bool {
        self.voices.contains(&party)
    }

    fn speaks_for_one(&self, parties: &[Id]) -> bool {
        parties.iter().any(|party| self.speaks(*party))
    }

    fn speaks_for_a_side(&self) -> bool {
        self.speaks_for_one(&self.debtors) || self.speaks_for_one(&self.creditors)
    }

    /// Whether a creditor speaks: where a claim is answered, one whose own side did not make it.
    fn answers(&self, debtor: Option<Id>) -> bool {
        let standings = self.standings;
        let state = standings.state;
        let (creditors, track) = match debtor {
            None => (self.creditors.clone(), Some(standings.joint)),
            Some(debtor) => {
                let mut each = standings.each.iter();
                let own = each.find(|(party, _)| *party == debtor);
                (
                    standings.sides.creditors_of(debtor),
                    own.map(|(_, track)| *track),
                )
            }
        };
        let claim = track.and_then(|track| standings.word(track.claim?));
        let claimants = claim.into_iter().flat_map(|word| word.by.iter().copied());
        let of_debtor =
            |party: &Id| debtor.is_none_or(|debtor| state.principals(&[*party]).contains(&debtor));
        let claimants: Ids = claimants.filter(of_debtor).collect();
        let claimed = state.principals(&claimants);
        let mut creditors = creditors.into_iter();
        creditors.any(|party| self.speaks(party) && !claimed.contains(&party))
    }

    /// Whether all who speak do so in this capacity, and none acts for a debtor or creditor.
    fn is_outside(&self, capacity: Capacity) -> bool {
        self.capacity == Some(capacity) && !self.voices.is_empty() && !self.speaks_for_a_side()
    }

    /// Whom a word can only mean: a debtor who tells of its own performance means itself, and who judges it means those
    /// who owe it to him. Anything else is about all.
    fn meant(&self, to: Standing) -> Ids {
        let asks = |asserter| {
            let mut rows = TRANSITIONS.iter();
            rows.any(|row| row.to == to && row.by.contains(&asserter))
        };
        let owes_to_them = |debtor: &Id| {
            let creditors = self.standings.sides.creditors_of(*debtor);
            !self.speaks(*debtor) && self.speaks_for_one(&creditors)
        };
        let debtors = self.debtors.iter().copied();
        let meant: Ids = if asks(Asserter::Debtor) {
            debtors.filter(|debtor| self.speaks(*debtor)).collect()
        } else if asks(Asserter::Creditor) {
            debtors.filter(owes_to_them).collect()
        } else {
            Ids::new()
        };
        if meant.is_empty() {
            self.debtors.clone()
        } else {
            meant
        }
    }
}

#[cfg(test)]
mod tests;
