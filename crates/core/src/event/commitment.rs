use super::declare::event;
use crate::value::base::Text;
use crate::value::commitment::{Modality, Standing};
use crate::value::id::{AgreementId, CommitmentId, PartyId, Subject};
use crate::value::when::Deadline;

event! {
    /// A commitment was made in an agreement.
    9 "commitment" CommitmentRecorded {
        /// The id to know the commitment by
        [arg id] id: CommitmentId,
        /// The agreement it was made in
        agreement: AgreementId,
        /// What was promised
        text: Text,
        /// The force of its words; several where the sources differ
        modality: Vec<Modality>,
        /// Who owes it
        [some] debtor: Vec<PartyId>,
        /// To whom it is owed
        creditor: Vec<PartyId>,
        /// Both sides owe it to each other
        mutual: bool,
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
        deadline: Option<Deadline>,
        /// What it promises again: an earlier commitment, agreement or statement
        repeats: Vec<Subject>,
        /// A subject to group it under
        theme: Vec<Text>,
        /// Where it stands at first: agreed (if not given) or proposed
        standing: Option<Standing>,
    }
}
