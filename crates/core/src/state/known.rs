//! What the rules ask, answered by the state.

use super::{EntityKind, Id, Position, State};
use crate::event::EventSpec;
use crate::rules::Known;
use crate::value::agreement::AgreementStatus;
use crate::value::id::{AgreementId, CommitmentId, PartyId, RecorderId, Seq, Slug};
use crate::value::when::When;

impl Known for State {
    fn standing_spec(&self, seq: Seq) -> Option<&'static EventSpec> {
        self.standing_kind(seq).map(|kind| kind.spec())
    }

    fn entity(&self, id: &Slug) -> Option<(EntityKind, Seq)> {
        self.entity(id)
    }

    fn has_any(&self, kind: EntityKind) -> bool {
        self.has_any(kind)
    }

    fn number(&self, id: &Slug) -> Option<Id> {
        self.number(id)
    }

    fn slug(&self, id: Id) -> &Slug {
        self.slug(id)
    }

    fn acts_for(&self, actor: &PartyId, principal: &PartyId) -> bool {
        self.acts_for(actor, principal)
    }

    fn stands_for(&self, actor: Id, principal: Id) -> bool {
        self.stands_for(actor, principal)
    }

    fn has_key(&self, party: &PartyId) -> bool {
        self.has_key(party)
    }

    fn revoked(&self, recorder: &RecorderId) -> Option<Seq> {
        self.revoked(recorder)
    }

    fn position(&self, commitment: &CommitmentId) -> Option<Position<'_>> {
        self.position(commitment)
    }

    fn agreed_on(&self, agreement: Id) -> Option<When> {
        self.agreed_on(agreement)
    }

    fn agreement_status(&self, agreement: &AgreementId) -> Option<AgreementStatus> {
        self.agreement_status(agreement)
    }

    fn takes_part(&self, agreement: &AgreementId, party: &PartyId) -> Option<bool> {
        self.takes_part(agreement, party)
    }
}
