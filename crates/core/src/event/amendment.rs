use super::declare::event;
use crate::value::base::Text;
use crate::value::commitment::Modality;
use crate::value::id::{AgreementId, CommitmentId, PartyId};
use crate::value::when::Deadline;

event! {
    /// A commitment's terms were changed by agreement: what is given replaces what was.
    10 "amendment" CommitmentAmended {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// The agreement that changed it
        instrument: Option<AgreementId>,
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
        deadline: Option<Deadline>,
    }
}
