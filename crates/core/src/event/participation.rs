use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{after_colon, effective};
use crate::rules::{Advice, Known, Rejection, Rule};
use crate::state::Effect;
use crate::value::agreement::Action;
use crate::value::base::Text;
use crate::value::id::{AgreementId, PartyId};
use crate::value::when::When;

event! {
    /// A party signed, ratified, acceded, withdrew, made a reservation.
    8 "participation" ParticipationRecorded {
        /// The agreement
        [arg] agreement: AgreementId,
        /// The party that acted
        [arg] party: PartyId,
        /// What it did
        [arg] action: Action,
        /// The words of a reservation, declaration or objection
        text: Option<Text>,
        /// When it took effect for the party
        effective: Option<When>,
    } example r#"
        {"agreement": "A1", "party": "colombia", "action": "ratification", "effective": "2023-06-01",
         "on": "2023-05-20"}
    "#
}

impl Meaning for ParticipationRecorded {
    fn check_world(&self, known: &dyn Known, _: &Envelope) -> Result<(), Rejection> {
        let withdraws = self.action == Action::Withdrawal;
        if !withdraws || known.takes_part(&self.agreement, &self.party) != Some(false) {
            return Ok(());
        }
        let message = format!("{} takes no part in {}", self.party, self.agreement);
        let advice = Advice::Do("ratification, accession or the like first".to_owned());
        Err(Rejection::new(Rule::Withdrawal, message).allowing([advice]))
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::Acts(&self.agreement, &self.party, self.action));
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let (party, agreement) = (context.party(&self.party), &self.agreement);
        let did = match self.action {
            Action::Signature => format!("{party} signed {agreement}"),
            Action::DefinitiveSignature => format!("{party} signed {agreement} definitively"),
            Action::Ratification => format!("{party} ratified {agreement}"),
            Action::Acceptance => format!("{party} accepted {agreement}"),
            Action::Approval => format!("{party} approved {agreement}"),
            Action::Accession => format!("{party} acceded to {agreement}"),
            Action::Succession => format!("{party} succeeded to {agreement}"),
            Action::FormalConfirmation => format!("{party} confirmed {agreement} formally"),
            Action::ProvisionalApplication => format!("{party} applied {agreement} provisionally"),
            Action::Notification => format!("{party} gave notification of {agreement}"),
            Action::EntryIntoForce => format!("{agreement} entered into force for {party}"),
            Action::Withdrawal => format!("{party} withdrew from {agreement}"),
            Action::Reservation => format!("{party} made a reservation to {agreement}"),
            Action::Declaration => format!("{party} made a declaration on {agreement}"),
            Action::Objection => format!("{party} raised an objection about {agreement}"),
            Action::EndOfProvisionalApplication => {
                format!("{party} ended its provisional application of {agreement}")
            }
        };
        let effective = effective(self.effective);
        format!("{did}{effective}{}", after_colon(self.text.as_ref()))
    }
}
