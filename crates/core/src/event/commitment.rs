use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::parties;
use crate::rules::{
    Advice, Known, Rejection, Rule, check_recurrence, check_related, check_some_day, check_waits,
};
use crate::state::Effect;
use crate::value::agreement::Relation;
use crate::value::base::Text;
use crate::value::commitment::{Modality, Standing};
use crate::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, Subject};
use crate::value::when::Deadline;

event! {
    /// A commitment was made in an agreement.
    9 "commitment" CommitmentRecorded {
        /// The id to know the commitment by
        [arg id] id: CommitmentId,
        /// The agreement it was made in
        [dated_by] agreement: AgreementId,
        /// What was promised
        text: Text,
        /// The force of its words; several where the sources differ
        [offered] modality: Vec<Modality>,
        /// Who owes it
        [some] debtor: Vec<PartyId>,
        /// To whom it is owed
        [offered] creditor: Vec<PartyId>,
        /// Both sides owe it to each other
        [offered] mutual: bool,
        /// Who witnessed it
        witness: Vec<PartyId>,
        /// Who guarantees it
        guarantor: Vec<PartyId>,
        /// What it is for
        purpose: Vec<Text>,
        /// What must happen before it is owed
        condition: Option<Text>,
        /// How keeping it would be measured
        measure: Option<Text>,
        /// An earlier fact its words take for granted
        presupposes: Option<Text>,
        /// By when, or how often
        [offered] deadline: Option<Deadline>,
        /// What it promises again: an earlier commitment, agreement or statement
        repeats: Vec<Subject>,
        /// A subject to group it under
        theme: Vec<Text>,
        /// Where it stands at first: agreed (if not given) or proposed
        standing: Option<Standing>,
    } example r#"
        {"id": "C1", "agreement": "A1", "text": "Open the bridge to all traffic", "debtor": ["colombia"],
         "creditor": ["venezuela"], "deadline": "2023-12-31", "source": ["S1: paragraph 4"]}
    "#
}

impl Meaning for CommitmentRecorded {
    fn check_record(&self, _: &dyn Known, _: Seq) -> Result<(), Rejection> {
        check_recurrence(self.deadline.as_ref())?;
        if self.mutual && self.creditor.is_empty() {
            let message = "a mutual commitment names debtors and creditors, the two sides";
            return Err(Rejection::new(Rule::BothSides, message));
        }
        Ok(())
    }

    fn check_world(&self, _: &dyn Known, _: &Envelope) -> Result<(), Rejection> {
        match self.standing {
            None | Some(Standing::Proposed | Standing::Agreed) => Ok(()),
            Some(other) => {
                let message = format!("a commitment begins as proposed or agreed, not {other}");
                let words = Advice::words([Standing::Proposed, Standing::Agreed]);
                Err(Rejection::new(Rule::StandingMove, message).allowing(words))
            }
        }
    }

    fn check_new(
        &self,
        changed: Option<&str>,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        let changes = |field: &str| changed.is_none_or(|changed| changed == field);
        if changes("repeats") {
            let again: Vec<&Slug> = self.repeats.iter().filter_map(Subject::slug).collect();
            check_related(known, &self.id.0, Relation::Repeats, &again)?;
        }
        if changes("deadline") {
            check_waits(known, &self.id, self.deadline.as_ref())?;
        }
        if changes("deadline") || changes("on") {
            let agreement = known.number(&self.agreement.0);
            check_some_day(known, self.deadline.as_ref(), envelope.on, agreement)?;
        }
        Ok(())
    }

    fn check_corrected(
        &self,
        field: &str,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        match field {
            "standing" => self.check_world(known, envelope),
            _ => Ok(()),
        }
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Promised {
            commitment: &self.id,
            agreement: &self.agreement,
            debtor: &self.debtor,
            creditor: &self.creditor,
            mutual: self.mutual,
            deadline: self.deadline.as_ref(),
            standing: self.standing,
        });
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let debtors = parties(&self.debtor, context);
        let creditors = parties(&self.creditor, context);
        let verb = match self.standing {
            Some(Standing::Proposed) => "proposed to promise",
            _ => "promised",
        };
        let promised = match (self.mutual, creditors.as_str()) {
            (_, "") => format!("{debtors} {verb}"),
            (true, creditors) => format!("{debtors} and {creditors} {verb} each other"),
            (false, creditors) => format!("{debtors} {verb} {creditors}"),
        };
        format!(
            "{promised} in {} ({}): {}",
            self.agreement, self.id, self.text
        )
    }
}
