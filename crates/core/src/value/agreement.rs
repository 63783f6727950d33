//! Agreements: their form, status, links to others, and what each party did about them.

use std::fmt;
use std::str::FromStr;

use crate::value::base::{Leaf, ValueError, excerpt, words};
use crate::value::id::{AgreementId, Reference};

words! {
    /// The form an agreement takes.
    Form "FORM" {
        /// A treaty or convention.
        Treaty = "treaty",
        /// A protocol to another agreement.
        Protocol = "protocol",
        /// A memorandum of understanding.
        Memorandum = "memorandum",
        /// An exchange of letters or notes.
        ExchangeOfLetters = "exchange-of-letters",
        /// A joint communiqué or declaration.
        Communique = "communique",
        /// A plan or roadmap.
        Roadmap = "roadmap",
        /// A contract.
        Contract = "contract",
        /// Spoken only.
        Oral = "oral",
        /// Reported by somebody, in what form is unknown.
        Reported = "reported",
        /// Any other form.
        Other = "other",
    }
}

words! {
    /// Where an agreement stands.
    AgreementStatus "STATUS" {
        /// Concluded: what its recording says.
        Concluded = "concluded",
        /// In force.
        InForce = "in-force",
        /// Suspended.
        Suspended = "suspended",
        /// In force again after a suspension.
        Resumed = "resumed",
        /// In force as amended.
        Amended = "amended",
        /// Replaced by a later agreement.
        Superseded = "superseded",
        /// Ended.
        Terminated = "terminated",
    }
}

impl AgreementStatus {
    /// The statuses that may follow this one.
    pub fn next(self) -> &'static [AgreementStatus] {
        use AgreementStatus::*;
        match self {
            Concluded => &[InForce, Amended, Superseded, Terminated],
            InForce | Resumed => &[Suspended, Amended, Superseded, Terminated],
            Amended => &[InForce, Suspended, Amended, Superseded, Terminated],
            Suspended => &[Resumed, Amended, Superseded, Terminated],
            Superseded | Terminated => &[],
        }
    }
}

words! {
    /// What a party did about an agreement (terms of the UN Treaty Collection).
    Action "ACTION" {
        /// Signature, subject to ratification.
        Signature = "signature",
        /// Signature that binds by itself.
        DefinitiveSignature = "definitive-signature",
        /// Ratification.
        Ratification = "ratification",
        /// Acceptance.
        Acceptance = "acceptance",
        /// Approval.
        Approval = "approval",
        /// Accession.
        Accession = "accession",
        /// Succession to a predecessor's participation.
        Succession = "succession",
        /// Formal confirmation, by an international organisation.
        FormalConfirmation = "formal-confirmation",
        /// Provisional application.
        ProvisionalApplication = "provisional-application",
        /// Notification.
        Notification = "notification",
        /// Entry into force for this party.
        EntryIntoForce = "entry-into-force",
        /// Withdrawal or denunciation.
        Withdrawal = "withdrawal",
        /// A reservation.
        Reservation = "reservation",
        /// A declaration.
        Declaration = "declaration",
        /// An objection to another party's reservation or participation.
        Objection = "objection",
    }
}

impl Action {
    /// Whether it is a way to consent to be bound: what the UN Treaty Collection lists as such.
    pub fn is_consent(self) -> bool {
        use Action::*;
        matches!(
            self,
            DefinitiveSignature
                | Ratification
                | Acceptance
                | Approval
                | Accession
                | Succession
                | FormalConfirmation
                | Notification
        )
    }
}

words! {
    /// How one agreement relates to another.
    Relation "RELATION" {
        /// Changes its terms.
        Amends = "amends",
        /// Takes its place.
        Supersedes = "supersedes",
        /// Goes on from it.
        Continues = "continues",
        /// Carries it out.
        Implements = "implements",
        /// Promises again what it promised.
        Repeats = "repeats",
    }
}

/// A link to another agreement: `continues:A1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// How this agreement relates to the other.
    pub relation: Relation,
    /// The other.
    pub agreement: AgreementId,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.relation, self.agreement)
    }
}

impl FromStr for Link {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (relation, agreement) = text.split_once(':').ok_or_else(|| {
            ValueError(format!(
                "`{}` is not a link such as continues:A1 (relations: {})",
                excerpt(text),
                Relation::WORDS.join(", ")
            ))
        })?;
        Ok(Self {
            relation: relation.parse()?,
            agreement: agreement.parse()?,
        })
    }
}

impl Leaf for Link {
    const LABEL: &'static str = "RELATION:AGREEMENT";
    fn reference(&self) -> Option<Reference<'_>> {
        self.agreement.reference()
    }
}
