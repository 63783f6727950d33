use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::phrase::{effective, says, went};
use crate::rules::{Advice, Known, Rejection, Rule, check_not_before_agreement};
use crate::state::Effect;
use crate::value::agreement::AgreementStatus;
use crate::value::id::AgreementId;
use crate::value::when::When;

event! {
    /// An agreement's status changed: it entered into force, was suspended, ended.
    7 "agreement-status" AgreementStatusChanged {
        /// The agreement
        [arg] agreement: AgreementId,
        /// Its status from now on
        [arg] to: AgreementStatus,
        /// When the change takes effect, where that is later
        [since 2] effective: Option<When>,
    } example r#"
        {"agreement": "A1", "to": "in-force", "on": "2023-06-01"}
    "#
}

impl Meaning for AgreementStatusChanged {
    fn check_world(&self, known: &dyn Known, envelope: &Envelope) -> Result<(), Rejection> {
        self.check_corrected("on", known, envelope)?;
        // The agreement is there: references were checked.
        let Some(status) = known.agreement_status(&self.agreement, envelope.on) else {
            return Ok(());
        };
        let onward = status.next();
        if onward.contains(&self.to) {
            return Ok(());
        }
        let message = format!(
            "{} is {status}, and does not go from there to {}",
            self.agreement, self.to
        );
        Err(Rejection::new(Rule::AgreementMove, message).allowing(Advice::words(onward)))
    }

    fn check_corrected(
        &self,
        field: &str,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        match field {
            "on" => {
                let agreement = known.number(&self.agreement.0);
                check_not_before_agreement(known, agreement, envelope.on)
            }
            _ => Ok(()),
        }
    }

    fn effects<'e>(&'e self, _: &'e Envelope, tell: &mut dyn FnMut(Effect<'e>)) {
        tell(Effect::AgreementMoves {
            agreement: &self.agreement,
            to: self.to,
            effective: self.effective,
        });
    }

    fn sentence(&self, envelope: &Envelope, context: &dyn Context) -> String {
        let went = went(context.status_before(&self.agreement), self.to);
        let effective = effective(self.effective);
        format!(
            "{} {went}{effective}{}",
            self.agreement,
            says(envelope, context)
        )
    }
}
