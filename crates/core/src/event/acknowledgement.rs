use super::agreement::AgreementRecorded;
use super::amendment::CommitmentAmended;
use super::commitment::CommitmentRecorded;
use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use super::participation::ParticipationRecorded;
use super::spec::EventSpec;
use super::status::StatusChanged;
use crate::rules::{Advice, Known, Rejection, Rule};
use crate::value::base::Text;
use crate::value::id::{PartyId, Seq};

event! {
    /// A party acknowledged an agreement or a claimed fulfilment, signed with its own key.
    [local uncorrectable] 26 "acknowledgement" Acknowledged {
        /// The record of the agreement, commitment or standing
        [arg] record: Seq,
        /// The party
        [arg] party: PartyId,
        /// Its Ed25519 signature in base64, which `servanda acknowledge` makes
        signature: Text,
    } example r#"
        {"record": 10, "party": "colombia",
         "signature": "x0RMOf0l4vYgxAiJh1Lzn0Q4x9W3KjJVNat4GoAci1TkRW8C6CMSt9eE6611cbf5tnc1HsTpGiI7dp0uFpAQ=="}
    "#
}

/// What a party can acknowledge.
const ACKNOWLEDGED: &[EventSpec] = &[
    AgreementRecorded::SPEC,
    ParticipationRecorded::SPEC,
    CommitmentRecorded::SPEC,
    CommitmentAmended::SPEC,
    StatusChanged::SPEC,
];

impl Meaning for Acknowledged {
    fn check_record(&self, known: &dyn Known, _: Seq) -> Result<(), Rejection> {
        let is_acknowledged = |spec: &EventSpec| {
            let mut all = ACKNOWLEDGED.iter();
            all.any(|one| one.number == spec.number)
        };
        if let Some(spec) = known.standing_spec(self.record)
            && !is_acknowledged(spec)
        {
            let message = format!(
                "record {} is a {}, which nobody acknowledges",
                self.record, spec.word
            );
            let words = Advice::words(ACKNOWLEDGED.iter().map(|spec| spec.word));
            return Err(Rejection::new(Rule::PartyKey, message).allowing(words));
        }
        if known.has_key(&self.party) {
            return Ok(());
        }
        let message = format!("no key of {} is known", self.party);
        let advice = Advice::DeclareKey(self.party.clone());
        Err(Rejection::new(Rule::PartyKey, message).allowing([advice]))
    }

    fn sentence(&self, _: &Envelope, context: &dyn Context) -> String {
        let record = context.record(self.record);
        format!("{} acknowledged {record}", context.party(&self.party))
    }
}
