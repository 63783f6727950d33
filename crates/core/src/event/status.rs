use super::context::{Concerned, Context};
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{parties, says, went};
use crate::rules::{Advice, Known, Rejection, Rule, check_not_before_agreement};
use crate::state::{Effect, Id, Ids, StandingMove, Standings, Word};
use crate::value::commitment::{Capacity, Standing, transition, transitions_from};
use crate::value::id::{CommitmentId, PartyId, Slug};

event! {
    /// The standing of a commitment's debtors moved, of some or of all.
    [frequent] 11 "status" StatusChanged {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Where it stands from now on
        [arg] to: Standing,
        /// In which capacity this is asserted, where the parties' roles do not tell
        capacity: Option<Capacity>,
        /// Whose performance this is about, of several debtors; without it, of each whose standing this word may move
        [filled since 2] debtor: Vec<PartyId>,
    } example r#"
        {"commitment": "C1", "to": "claimed", "on": "2023-11-17", "by": ["colombia"], "source": ["S1"]}
    "#
}

impl Meaning for StatusChanged {
    fn check_world(&self, known: &dyn Known, envelope: &Envelope) -> Result<(), Rejection> {
        // The commitment is there: references were checked.
        let Some(position) = known.position(&self.commitment) else {
            return Ok(());
        };
        check_not_before_agreement(known, Some(position.agreement()), envelope.on)?;
        let standings = position.standings();
        self.check_debtors(known, &standings)?;
        let number = |party: &PartyId| known.number(&party.0);
        let question = Question {
            event: self,
            known,
            standings: &standings,
            word: Word {
                to: self.to,
                by: envelope.by.iter().filter_map(number).collect(),
                capacity: self.capacity,
                debtor: self.debtor.iter().filter_map(number).collect(),
            },
            by: &envelope.by,
        };
        question.check()
    }

    fn check_corrected(
        &self,
        field: &str,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        let Some(position) = known.position(&self.commitment) else {
            return Ok(());
        };
        match field {
            "on" => check_not_before_agreement(known, Some(position.agreement()), envelope.on),
            "debtor" => self.check_debtors(known, &position.standings()),
            _ => Ok(()),
        }
    }

    fn effects<'e>(&'e self, envelope: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::StandingMoves(self.said(envelope)));
    }

    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let (went, of) = match context.concerned(&self.said(envelope)) {
            Some(concerned) => (went(before(&concerned), self.to), of(&concerned, context)),
            None => (went(None, self.to), String::new()),
        };
        let whose = match (self.capacity, envelope.by.as_slice()) {
            (Some(Capacity::Terms), []) => ", by its terms".to_owned(),
            (Some(Capacity::Terms), by) => {
                format!(", by its terms, as {} pointed out", parties(by, context))
            }
            (Some(capacity), [_, ..]) => format!("{} as {capacity}", says(envelope, context)),
            _ => says(envelope, context),
        };
        format!("{} {went}{of}{whose}", self.commitment)
    }
}

/// Where those stood whom a move is about, if they stood alike.
fn before(concerned: &Concerned) -> Option<Standing> {
    let mut each = concerned.each.iter().map(|(_, standing)| *standing);
    let first = each.next()?;
    each.all(|other| other == first).then_some(first)
}

/// ` for Colombia`, or nothing where there is one debtor.
fn of(concerned: &Concerned, context: &dyn Context) -> String {
    if concerned.debtors < 2 {
        return String::new();
    }
    let each = concerned.each.iter().map(|(party, _)| party.clone());
    match parties(&each.collect::<Vec<_>>(), context).as_str() {
        "" => String::new(),
        names => format!(" for {names}"),
    }
}

impl StatusChanged {
    fn said<'e>(&'e self, envelope: &'e Envelope) -> StandingMove<'e> {
        StandingMove {
            commitment: &self.commitment,
            to: self.to,
            by: &envelope.by,
            capacity: self.capacity,
            debtor: &self.debtor,
        }
    }

    /// Whose performance it is about owes it.
    fn check_debtors(&self, known: &dyn Known, standings: &Standings<'_>) -> Result<(), Rejection> {
        let owes = |party: &&PartyId| {
            let number = known.number(&party.0);
            number.is_some_and(|number| standings.of(number).is_some())
        };
        let Some(stranger) = self.debtor.iter().find(|party| !owes(party)) else {
            return Ok(());
        };
        let message = format!("{stranger} does not owe {}", self.commitment);
        let debtors = standings.debtors();
        let words = Advice::words(debtors.iter().map(|debtor| known.slug(*debtor)));
        Err(Rejection::new(Rule::MoveOfDebtor, message).allowing(words))
    }
}

/// Whether a move may come.
struct Question<'a> {
    event: &'a StatusChanged,
    known: &'a dyn Known,
    standings: &'a Standings<'a>,
    word: Word,
    by: &'a [PartyId],
}

impl Question<'_> {
    /// The move is in the table of transitions for everybody whom it is about, and asserted by those whose word that takes.
    fn check(&self) -> Result<(), Rejection> {
        if self.word.debtor.is_empty() {
            return self.check_one(self.standings.joint(), None);
        }
        let mut debtors = self.word.debtor.iter();
        debtors.try_for_each(|debtor| match self.standings.of(*debtor) {
            Some(from) => self.check_one(from, Some(*debtor)),
            None => Ok(()),
        })
    }

    /// As [`Question::check`], for one debtor, or for all at once.
    fn check_one(&self, from: Standing, debtor: Option<Id>) -> Result<(), Rejection> {
        let (id, to) = (&self.event.commitment, self.event.to);
        let of = debtor.filter(|_| self.standings.debtors().len() > 1);
        let of = of.map_or_else(String::new, |debtor| {
            format!(" for {}", self.known.slug(debtor))
        });
        let Some(row) = transition(from, to) else {
            let message = if from == to {
                format!("{id} is {from}{of} already")
            } else {
                format!("{id} is {from}{of}, and does not go from there to {to}")
            };
            let onward = transitions_from(from).map(Advice::Move);
            return Err(Rejection::new(Rule::StandingMove, message).allowing(onward));
        };
        if self.standings.suffices(row, &self.word, debtor) {
            return Ok(());
        }
        let who = if self.by.is_empty() {
            "nobody asserts it".to_owned()
        } else {
            let names: Vec<&str> = self.by.iter().map(PartyId::as_str).collect();
            format!("{} cannot assert it", names.join(", "))
        };
        let roles = |parties: Ids| -> String {
            let slugs = parties.iter().map(|party| self.known.slug(*party));
            slugs.map(Slug::as_str).collect::<Vec<_>>().join(", ")
        };
        let message = format!(
            "{id} goes from {from} to {to}{of} by the word of others: {who} (debtors: {}; creditors: {})",
            roles(self.standings.debtors()),
            roles(self.standings.creditors())
        );
        let advice = row.by.iter().map(|asserter| Advice::AssertedBy(*asserter));
        Err(Rejection::new(Rule::StandingAsserter, message).allowing(advice))
    }
}
