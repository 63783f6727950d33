use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{parties, says, went};
use crate::rules::{Advice, Known, Rejection, Rule, check_not_before_agreement};
use crate::state::{Effect, Id, Position};
use crate::value::commitment::{Asserter, Capacity, Standing, transition, transitions_from};
use crate::value::id::{CommitmentId, PartyId, Slug};

event! {
    /// A commitment's standing moved.
    [frequent] 11 "status" StatusChanged {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Where it stands from now on
        [arg] to: Standing,
        /// In which capacity this is asserted, where the parties' roles do not tell
        capacity: Option<Capacity>,
    }
}

impl Meaning for StatusChanged {
    fn check_world(&self, known: &dyn Known, envelope: &Envelope) -> Result<(), Rejection> {
        // The commitment is there: references were checked.
        let Some(position) = known.position(&self.commitment) else {
            return Ok(());
        };
        check_not_before_agreement(known, Some(position.agreement()), envelope.on)?;
        self.check_standing(known, position, &envelope.by)
    }

    fn check_corrected(
        &self,
        field: &str,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        match (field, known.position(&self.commitment)) {
            ("on", Some(position)) => {
                check_not_before_agreement(known, Some(position.agreement()), envelope.on)
            }
            _ => Ok(()),
        }
    }

    fn effects<'e>(&'e self, envelope: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        let claimants = match self.to {
            Standing::Claimed => envelope.by.as_slice(),
            _ => &[],
        };
        tell(Effect::StandingMoves {
            commitment: &self.commitment,
            to: self.to,
            claimants,
        });
    }

    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let went = went(context.standing_before(&self.commitment), self.to);
        let whose = match (self.capacity, envelope.by.as_slice()) {
            (Some(Capacity::Terms), []) => ", by its terms".to_owned(),
            (Some(Capacity::Terms), by) => {
                format!(", by its terms, as {} pointed out", parties(by, context))
            }
            (Some(capacity), [_, ..]) => format!("{} as {capacity}", says(envelope, context)),
            _ => says(envelope, context),
        };
        format!("{} {went}{whose}", self.commitment)
    }
}

impl StatusChanged {
    /// The move is in the table of transitions, and asserted by those whose word it takes.
    fn check_standing(
        &self,
        known: &dyn Known,
        position: Position<'_>,
        by: &[PartyId],
    ) -> Result<(), Rejection> {
        let (id, from, to) = (&self.commitment, position.standing(), self.to);
        let Some(row) = transition(from, to) else {
            let message = if from == to {
                format!("{id} is {from} already")
            } else {
                format!("{id} is {from}, and does not go from there to {to}")
            };
            let onward = transitions_from(from).map(Advice::Move);
            return Err(Rejection::new(Rule::StandingMove, message).allowing(onward));
        };
        let numbers = by.iter().filter_map(|party| known.number(&party.0));
        let asserters = Asserters {
            known,
            position,
            by: numbers.collect(),
            capacity: self.capacity,
            answers_claim: from == Standing::Claimed || from == Standing::Breached,
        };
        if row.by.iter().any(|asserter| asserters.satisfy(*asserter)) {
            return Ok(());
        }
        let who = if by.is_empty() {
            "nobody asserts it".to_owned()
        } else {
            let names: Vec<&str> = by.iter().map(PartyId::as_str).collect();
            format!("{} cannot assert it", names.join(", "))
        };
        let roles = |parties: Vec<Id>| -> String {
            let slugs = parties.iter().map(|party| known.slug(*party));
            slugs.map(Slug::as_str).collect::<Vec<_>>().join(", ")
        };
        let message = format!(
            "{id} goes from {from} to {to} by the word of others: {who} (debtors: {}; creditors: {})",
            roles(position.debtors()),
            roles(position.creditors())
        );
        let advice = row.by.iter().map(|asserter| Advice::AssertedBy(*asserter));
        Err(Rejection::new(Rule::StandingAsserter, message).allowing(advice))
    }
}

/// Who stands behind a move, measured against who must.
struct Asserters<'a> {
    known: &'a dyn Known,
    position: Position<'a>,
    by: Vec<Id>,
    capacity: Option<Capacity>,
    answers_claim: bool,
}

impl Asserters<'_> {
    fn satisfy(&self, asserter: Asserter) -> bool {
        let debtors = self.position.debtors();
        let creditors = self.position.creditors();
        match asserter {
            Asserter::AllDebtors => self.speak_for_all(&debtors),
            Asserter::AllParties => self.speak_for_all(&debtors) && self.speak_for_all(&creditors),
            Asserter::Debtor => self.claims(Capacity::Debtor) && self.speaks_for_one(&debtors),
            Asserter::Creditor => self.claims(Capacity::Creditor) && self.answers(&creditors),
            Asserter::AnyParty => self.speaks_for_one(&debtors) || self.speaks_for_one(&creditors),
            Asserter::Terms => self.capacity == Some(Capacity::Terms),
            Asserter::Arbiter => self.is_outside(Capacity::Arbiter),
            Asserter::Assessor => self.is_outside(Capacity::Assessor),
        }
    }

    /// Whether the capacity given, if one is, is this one.
    fn claims(&self, capacity: Capacity) -> bool {
        self.capacity.is_none_or(|given| given == capacity)
    }

    fn speaks(&self, principal: Id) -> bool {
        self.by
            .iter()
            .any(|actor| self.known.stands_for(*actor, principal))
    }

    fn speaks_for_one(&self, parties: &[Id]) -> bool {
        parties.iter().any(|party| self.speaks(*party))
    }

    fn speak_for_all(&self, parties: &[Id]) -> bool {
        !parties.is_empty() && parties.iter().all(|party| self.speaks(*party))
    }

    /// Whether a creditor speaks: where a claim is answered, one whose own side did not make it.
    fn answers(&self, creditors: &[Id]) -> bool {
        let claimed = |party: Id| {
            let mut claimants = self.position.claimants();
            self.answers_claim && claimants.any(|claimant| self.known.stands_for(claimant, party))
        };
        creditors
            .iter()
            .any(|party| self.speaks(*party) && !claimed(*party))
    }

    /// Whether all who speak do so in this capacity, and none acts for a debtor or creditor.
    fn is_outside(&self, capacity: Capacity) -> bool {
        let sides = [self.position.debtors(), self.position.creditors()].concat();
        self.capacity == Some(capacity) && !self.by.is_empty() && !self.speaks_for_one(&sides)
    }
}
