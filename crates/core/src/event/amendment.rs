use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::changed;
use crate::rules::{Known, Rejection, check_recurrence, check_some_day, check_waits};
use crate::state::Effect;
use crate::value::base::Text;
use crate::value::commitment::Modality;
use crate::value::id::{AgreementId, CommitmentId, PartyId, Seq};
use crate::value::when::Deadline;

event! {
    /// A commitment's terms were changed by agreement: what is given replaces what was.
    10 "amendment" CommitmentAmended {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// The agreement that changed it
        [offered] instrument: Option<AgreementId>,
        /// What is promised from now on
        text: Option<Text>,
        /// The force of its words
        modality: Vec<Modality>,
        /// Who owes it
        debtor: Vec<PartyId>,
        /// To whom it is owed
        creditor: Vec<PartyId>,
        /// What it is for
        purpose: Vec<Text>,
        /// What must happen before it is owed
        condition: Option<Text>,
        /// How keeping it would be measured
        measure: Option<Text>,
        /// By when, or how often
        [offered] deadline: Option<Deadline>,
    } example r#"
        {"commitment": "C1", "deadline": "2024-03-31", "on": "2023-10-20", "by": ["colombia", "venezuela"]}
    "#
}

impl Meaning for CommitmentAmended {
    fn check_record(&self, _: &dyn Known, _: Seq) -> Result<(), Rejection> {
        check_recurrence(self.deadline.as_ref())
    }

    fn check_new(
        &self,
        _: Option<&str>,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        let deadline = self.deadline.as_ref();
        check_waits(known, &self.commitment, deadline)?;
        let position = known.position(&self.commitment);
        let agreement = position.map(|position| position.agreement());
        check_some_day(known, deadline, envelope.on, agreement)
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Amended {
            commitment: &self.commitment,
            debtor: &self.debtor,
            creditor: &self.creditor,
            deadline: self.deadline.as_ref(),
        });
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let terms = self.texts().into_iter().filter(|(field, new)| {
            !new.is_empty() && !matches!(*field, "commitment" | "instrument")
        });
        let changes: Vec<String> = terms
            .map(|(field, new)| {
                let old = context.term_before(&self.commitment, field);
                format!("{field} {}", changed(&old, &new))
            })
            .collect();
        let instrument = self.instrument.as_ref();
        let by = instrument.map_or_else(String::new, |agreement| format!(" by {agreement}"));
        match changes.as_slice() {
            [] => format!("{} was amended{by}", self.commitment),
            changes => format!(
                "{} was amended{by}: {}",
                self.commitment,
                changes.join("; ")
            ),
        }
    }
}
