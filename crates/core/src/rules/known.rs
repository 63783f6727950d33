//! What the rules ask of the state.

use crate::event::EventSpec;
use crate::state::{EntityKind, Id, Position};
use crate::value::agreement::{AgreementStatus, Relation};
use crate::value::id::{AgreementId, CommitmentId, PartyId, RecorderId, Seq, Slug};
use crate::value::when::When;

/// What is known before an event comes. The state implements it; events ask it, so that no event imports the state.
pub trait Known {
    /// The declaration of the kind of a record that counts.
    fn standing_spec(&self, seq: Seq) -> Option<&'static EventSpec>;
    /// What an id names, and the record that gave it.
    fn entity(&self, id: &Slug) -> Option<(EntityKind, Seq)>;
    /// Whether there is any id of this kind.
    fn has_any(&self, kind: EntityKind) -> bool;
    /// The number of an id, if a record ever named it.
    fn number(&self, id: &Slug) -> Option<Id>;
    /// The id that has a number.
    fn slug(&self, id: Id) -> &Slug;
    /// Whether one party may act for another: it is that party, a part of it, or its successor.
    fn acts_for(&self, actor: &PartyId, principal: &PartyId) -> bool;
    /// As [`Known::acts_for`], by the numbers of their ids.
    fn stands_for(&self, actor: Id, principal: Id) -> bool;
    /// Whether a party's own key is known.
    fn has_key(&self, party: &PartyId) -> bool;
    /// The record that revoked a recorder's key.
    fn revoked(&self, recorder: &RecorderId) -> Option<Seq>;
    /// Whether a party succeeded another, directly or through others.
    fn succeeds(&self, successor: &PartyId, predecessor: &PartyId) -> bool;
    /// What a commitment or an agreement says that it relates to in this way.
    fn related(&self, id: &Slug, relation: Relation) -> Vec<Slug>;
    /// A commitment after all that was recorded of it.
    fn position(&self, commitment: &CommitmentId) -> Option<Position<'_>>;
    /// When an agreement was concluded.
    fn agreed_on(&self, agreement: Id) -> Option<When>;
    /// An agreement's status after all that was recorded of it, but for what certainly takes effect after `on`.
    fn agreement_status(
        &self,
        agreement: &AgreementId,
        on: Option<When>,
    ) -> Option<AgreementStatus>;
    /// Whether a party takes part in an agreement, or may do so; none if there is no such agreement.
    fn takes_part(&self, agreement: &AgreementId, party: &PartyId) -> Option<bool>;
}
