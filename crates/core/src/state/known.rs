//! The answers of the state to the rules.

use super::facts::AgreementMove;
use super::folds::Folds;
use super::id_table::{Id, Ids};
use super::position::Position;
use super::sides::Sides;
use super::standing::{Sayings, Stood};
use super::tables::State;
use super::word::Word;
use crate::event::{EventSpec, Fact};
use crate::rules::Known;
use crate::value::agreement::{Action, AgreementStatus, Relation};
use crate::value::id::{
    AgreementId, CommitmentId, EntityKind, PartyId, RecorderId, Seq, Slug, Subject,
};
use crate::value::when::{Deadline, When};

impl Known for State {
    fn standing_spec(&self, seq: Seq) -> Option<&'static EventSpec> {
        self.standing_kind(seq).map(|kind| kind.spec())
    }

    fn entity(&self, id: &Slug) -> Option<(EntityKind, Seq)> {
        self.entity_of(self.tables.names.find(id)?)
    }

    fn has_any(&self, kind: EntityKind) -> bool {
        self.tables.id_counts[kind as usize] > 0
    }

    fn number(&self, slug: &Slug) -> Option<Id> {
        self.tables.names.find(slug)
    }

    fn slug(&self, id: Id) -> &Slug {
        let slug = self.tables.names.slugs().get(id as usize);
        slug.expect("this state gave the number")
    }

    fn acts_for(&self, actor: &PartyId, principal: &PartyId) -> bool {
        match (
            self.tables.names.find(&actor.0),
            self.tables.names.find(&principal.0),
        ) {
            (Some(actor), Some(principal)) => self.stands_for(actor, principal),
            _ => actor == principal,
        }
    }

    fn stands_for(&self, actor: Id, principal: Id) -> bool {
        actor == principal || self.principals(&[actor]).contains(&principal)
    }

    fn succeeds(&self, successor: &PartyId, predecessor: &PartyId) -> bool {
        let number = |party: &PartyId| self.tables.names.find(&party.0);
        let (Some(successor), Some(predecessor)) = (number(successor), number(predecessor)) else {
            return false;
        };
        let mut seen = vec![successor];
        let mut next = 0;
        while let Some(party) = seen.get(next).copied() {
            for earlier in self.succeeded(party) {
                if earlier == predecessor {
                    return true;
                }
                if !seen.contains(&earlier) {
                    seen.push(earlier);
                }
            }
            next += 1;
        }
        false
    }

    fn related(&self, id: &Slug, relation: Relation) -> Vec<Slug> {
        match self.defining(id).map(|entry| &entry.event.fact) {
            Some(Fact::CommitmentRecorded(fact)) if relation == Relation::Repeats => fact
                .repeats
                .iter()
                .filter_map(Subject::slug)
                .cloned()
                .collect(),
            Some(Fact::AgreementRecorded(fact)) => {
                let links = fact.link.iter();
                let alike = links.filter(|link| link.relation == relation);
                alike.map(|link| link.agreement.0.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn has_key(&self, party: &PartyId) -> bool {
        let entity = self
            .tables
            .names
            .find(&party.0)
            .and_then(|id| self.tables.entity(id));
        let facts = entity.and_then(|entity| entity.facts.party.as_ref());
        facts.is_some_and(|facts| facts.keys.last().is_some())
    }

    fn revoked(&self, recorder: &RecorderId) -> Option<Seq> {
        let id = self.tables.names.find(&recorder.0)?;
        let facts = self.tables.entity(id)?.facts.recorder.as_ref()?;
        let (record, ()) = facts.revoked.0.first()?;
        Some(Seq((*record).into()))
    }

    fn position(&self, id: &CommitmentId) -> Option<Position<'_>> {
        self.position_of(self.tables.names.find(&id.0)?)
    }

    fn agreed_on(&self, agreement: Id) -> Option<When> {
        let entity = self.tables.entity(agreement)?;
        let (_, record) = entity.defined?;
        entity.facts.agreement.as_ref()?.concluded.of(record)?.on
    }

    fn agreement_status(&self, id: &AgreementId, on: Option<When>) -> Option<AgreementStatus> {
        let (entity, _) = self.found(&id.0, EntityKind::Agreement)?;
        let facts = entity.facts.agreement.as_deref()?;
        let is_later = |made: &AgreementMove| match (on, made.effective) {
            (Some(on), Some(effective)) => on.certainly_before(effective),
            _ => false,
        };
        let mut made = facts.moves.values().rev();
        let last = made.find(|made| !is_later(made));
        Some(last.map_or(AgreementStatus::Concluded, |made| made.to))
    }

    fn takes_part(&self, id: &AgreementId, party: &PartyId) -> Option<bool> {
        use Action::{Declaration, Objection, Reservation, Withdrawal};
        let (entity, record) = self.found(&id.0, EntityKind::Agreement)?;
        let facts = entity.facts.agreement.as_deref()?;
        let party = self.tables.names.find(&party.0);
        let mut acts = facts.acts.values().filter(|(who, _)| Some(*who) == party);
        let last = acts.rfind(|(_, act)| !matches!(act, Reservation | Declaration | Objection));
        Some(match last {
            Some((_, act)) => *act != Withdrawal,
            None => {
                let concluded = facts.concluded.of(record)?;
                let is_named = party.is_some_and(|party| concluded.parties.contains(&party));
                is_named || concluded.parties_unknown
            }
        })
    }
}

impl Sayings for State {
    fn folds(&self) -> &Folds<Stood> {
        &self.tables.folds
    }

    fn word(&self, number: u32) -> Option<&Word> {
        self.tables.words.get(number)
    }

    fn sides(&self, number: u32) -> Option<&Sides> {
        self.tables.sides.get(number)
    }

    fn deadline(&self, number: u32) -> Option<&Deadline> {
        self.tables.deadlines.get(number)?.as_ref()
    }

    fn principals(&self, actors: &[Id]) -> Ids {
        let mut found = Ids::from_slice(actors);
        let mut next = 0;
        while let Some(party) = found.get(next).copied() {
            for superior in self.superiors(party) {
                if !found.contains(&superior) {
                    found.push(superior);
                }
            }
            next += 1;
        }
        found
    }
}

impl State {
    /// What the id of a number names, and the record that gave it.
    pub(super) fn entity_of(&self, id: Id) -> Option<(EntityKind, Seq)> {
        let (kind, record) = self.tables.entity(id)?.defined?;
        Some((kind, Seq(record.into())))
    }

    /// The commitment of a number after all that was recorded of it.
    pub(super) fn position_of(&self, id: Id) -> Option<Position<'_>> {
        let entity = self.tables.entity(id)?;
        let (kind, defined) = entity.defined?;
        let facts = entity.facts.commitment.as_deref()?;
        (kind == EntityKind::Commitment).then_some(())?;
        Some(Position {
            state: self,
            number: id,
            defined,
            terms: facts.terms.of(defined)?,
            facts,
        })
    }

    /// The parties that a party acts for at once: the one that it is part of, and those that it succeeded.
    fn superiors(&self, party: Id) -> impl Iterator<Item = Id> {
        self.parent(party).into_iter().chain(self.succeeded(party))
    }

    /// The party that a party is part of.
    pub(crate) fn parent(&self, party: Id) -> Option<Id> {
        let entity = self.tables.entity(party)?;
        let (_, record) = entity.defined?;
        entity.facts.party.as_deref()?.parent.of(record).copied()
    }

    /// The parties that a party succeeded itself.
    fn succeeded(&self, party: Id) -> impl Iterator<Item = Id> {
        let entity = self.tables.entity(party);
        let facts = entity.and_then(|entity| entity.facts.party.as_deref());
        let succeeded = facts.into_iter().flat_map(|facts| facts.succeeded.values());
        succeeded.copied()
    }
}
