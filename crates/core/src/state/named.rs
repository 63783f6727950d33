//! The ids that an event names, with their numbers: each is looked up once, however often the rules and the facts ask for
//! it.

use std::ptr;

use super::id_table::Id;
use super::position::Position;
use super::tables::State;
use crate::event::{Event, EventSpec};
use crate::rules::Known;
use crate::value::agreement::{AgreementStatus, Relation};
use crate::value::id::{AgreementId, CommitmentId, EntityKind, PartyId, RecorderId, Seq, Slug};
use crate::value::when::When;

/// How many ids of an event are looked up before they are asked for. Few events name more.
const MOST: usize = 8;

/// The first ids that an event names and that have numbers. Numbers stay, so that they are still right after later
/// records.
#[derive(Debug, Default)]
pub struct Named<'e>([Option<(&'e Slug, Id)>; MOST]);

impl Named<'_> {
    /// The number of an id of the event, which is known by its place in memory; none of any other id.
    pub(super) fn find(&self, slug: &Slug) -> Option<Id> {
        let mut all = self.0.iter().map_while(Option::as_ref);
        let found = all.find(|(named, _)| ptr::eq(*named, slug));
        found.map(|(_, id)| *id)
    }
}

impl State {
    /// The ids that an event names, with their numbers.
    pub fn named<'e>(&self, event: &'e Event) -> Named<'e> {
        let mut all = [None; MOST];
        let mut places = all.iter_mut();
        event.each_reference(|_, named| {
            if let Some(slug) = named.slug()
                && let Some(id) = self.tables.names.find(slug)
                && let Some(place) = places.next()
            {
                *place = Some((slug, id));
            }
        });
        Named(all)
    }
}

/// A state that is asked about an event whose ids were looked up.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The state.
    pub state: &'a State,
    named: &'a Named<'a>,
}

impl<'a> Asked<'a> {
    /// The state, asked about the event that names these.
    pub fn new(state: &'a State, named: &'a Named<'a>) -> Self {
        Self { state, named }
    }
}

/// What takes the number of an id is asked by it; the rest is rare.
impl Known for Asked<'_> {
    fn number(&self, id: &Slug) -> Option<Id> {
        self.named.find(id).or_else(|| self.state.number(id))
    }

    fn entity(&self, id: &Slug) -> Option<(EntityKind, Seq)> {
        self.state.entity_of(self.number(id)?)
    }

    fn position(&self, commitment: &CommitmentId) -> Option<Position<'_>> {
        self.state.position_of(self.number(&commitment.0)?)
    }

    fn standing_spec(&self, seq: Seq) -> Option<&'static EventSpec> {
        self.state.standing_spec(seq)
    }

    fn has_any(&self, kind: EntityKind) -> bool {
        self.state.has_any(kind)
    }

    fn slug(&self, id: Id) -> &Slug {
        self.state.slug(id)
    }

    fn acts_for(&self, actor: &PartyId, principal: &PartyId) -> bool {
        self.state.acts_for(actor, principal)
    }

    fn stands_for(&self, actor: Id, principal: Id) -> bool {
        self.state.stands_for(actor, principal)
    }

    fn has_key(&self, party: &PartyId) -> bool {
        self.state.has_key(party)
    }

    fn revoked(&self, recorder: &RecorderId) -> Option<Seq> {
        self.state.revoked(recorder)
    }

    fn succeeds(&self, successor: &PartyId, predecessor: &PartyId) -> bool {
        self.state.succeeds(successor, predecessor)
    }

    fn related(&self, id: &Slug, relation: Relation) -> Vec<Slug> {
        self.state.related(id, relation)
    }

    fn agreed_on(&self, agreement: Id) -> Option<When> {
        self.state.agreed_on(agreement)
    }

    fn agreement_status(
        &self,
        agreement: &AgreementId,
        on: Option<When>,
    ) -> Option<AgreementStatus> {
        self.state.agreement_status(agreement, on)
    }

    fn takes_part(&self, agreement: &AgreementId, party: &PartyId) -> Option<bool> {
        self.state.takes_part(agreement, party)
    }
}
