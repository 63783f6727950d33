//! Agreements: their form, status, links to others, who has which role in them, and what each party did about them.

use std::fmt;
use std::str::FromStr;

use crate::value::base::{Leaf, ValueError, coded_words, excerpt, words};
use crate::value::id::{AgreementId, PartyId, Reference};
use crate::wire::{Reader, Wire, WireError, Writer, wire_texts};

coded_words! {
    /// The form an agreement takes.
    Form "FORM" {
        /// A treaty or convention.
        0 Treaty = "treaty",
        /// A protocol to another agreement.
        1 Protocol = "protocol",
        /// A memorandum of understanding.
        2 Memorandum = "memorandum",
        /// An exchange of letters or notes.
        3 ExchangeOfLetters = "exchange-of-letters",
        /// A joint communiqué or declaration.
        4 Communique = "communique",
        /// A plan or roadmap.
        5 Roadmap = "roadmap",
        /// A contract.
        6 Contract = "contract",
        /// Spoken only.
        7 Oral = "oral",
        /// Reported by somebody, in what form is unknown.
        8 Reported = "reported",
        /// Any other form.
        9 Other = "other",
    }
}

coded_words! {
    /// Where an agreement stands.
    AgreementStatus "STATUS" {
        /// Concluded: what its recording says.
        0 Concluded = "concluded",
        /// In force.
        1 InForce = "in-force",
        /// Suspended.
        2 Suspended = "suspended",
        /// In force again after a suspension.
        3 Resumed = "resumed",
        /// In force as amended.
        4 Amended = "amended",
        /// Replaced by a later agreement.
        5 Superseded = "superseded",
        /// Ended.
        6 Terminated = "terminated",
        /// Applied before it is in force.
        7 Provisional = "provisional" since 2,
    }
}

impl AgreementStatus {
    /// The statuses that may follow this one.
    pub fn next(self) -> &'static [AgreementStatus] {
        use AgreementStatus::*;
        match self {
            Concluded => &[InForce, Amended, Superseded, Terminated, Provisional],
            Provisional => &[InForce, Superseded, Terminated],
            InForce | Resumed => &[Suspended, Amended, Superseded, Terminated],
            Amended => &[InForce, Suspended, Amended, Superseded, Terminated],
            Suspended => &[Resumed, Amended, Superseded, Terminated],
            Superseded | Terminated => &[],
        }
    }

    /// Whether the agreement is in force, also as amended.
    pub fn is_in_force(self) -> bool {
        use AgreementStatus::*;
        matches!(self, InForce | Resumed | Amended)
    }

    /// Whether the agreement has ended, so that nobody is bound by it any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Superseded | Self::Terminated)
    }
}

coded_words! {
    /// What a party did about an agreement (terms of the UN Treaty Collection).
    Action "ACTION" {
        /// Signature, subject to ratification.
        0 Signature = "signature",
        /// Signature that binds by itself.
        1 DefinitiveSignature = "definitive-signature",
        /// Ratification.
        2 Ratification = "ratification",
        /// Acceptance.
        3 Acceptance = "acceptance",
        /// Approval.
        4 Approval = "approval",
        /// Accession.
        5 Accession = "accession",
        /// Succession to a predecessor's participation.
        6 Succession = "succession",
        /// Formal confirmation, by an international organisation.
        7 FormalConfirmation = "formal-confirmation",
        /// Provisional application.
        8 ProvisionalApplication = "provisional-application",
        /// Notification.
        9 Notification = "notification",
        /// Entry into force for this party.
        10 EntryIntoForce = "entry-into-force",
        /// Withdrawal or denunciation.
        11 Withdrawal = "withdrawal",
        /// A reservation.
        12 Reservation = "reservation",
        /// A declaration.
        13 Declaration = "declaration",
        /// An objection to another party's reservation or participation.
        14 Objection = "objection",
        /// The end of provisional application.
        15 EndOfProvisionalApplication = "end-of-provisional-application" since 2,
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
        /// Ends it.
        Terminates = "terminates",
        /// Adds to it.
        Supplements = "supplements",
        /// Is a protocol to it.
        ProtocolTo = "protocol-to",
    }
}

impl Relation {
    /// The schema that brought the word.
    pub fn since(self) -> u8 {
        match self {
            Self::Terminates | Self::Supplements | Self::ProtocolTo => 2,
            _ => 1,
        }
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

impl Wire for Link {
    fn write(&self, to: &mut Writer) {
        to.put_text(self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let link: Self = from.get_text()?;
        if link.since() > from.schema() {
            let message = format!("there is no relation {} yet", link.relation);
            return Err(WireError::new(message));
        }
        Ok(link)
    }

    fn since(&self) -> u8 {
        self.relation.since()
    }
}

words! {
    /// What one is to an agreement without being bound by it.
    Role "ROLE" {
        /// Keeps the text, and is told of signatures and ratifications.
        Depositary = "depositary",
        /// Brought the parties to terms.
        Mediator = "mediator",
        /// Helped them to talk.
        Facilitator = "facilitator",
        /// Answers for it that it is kept.
        Guarantor = "guarantor",
        /// Saw it concluded.
        Witness = "witness",
        /// Was there, and watches.
        Observer = "observer",
        /// Had the talks at its place.
        Host = "host",
        /// Keeps the papers and calls the meetings.
        Secretariat = "secretariat",
    }
}

/// Who has which role in an agreement: `depositary:un`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleHolder {
    /// The role.
    pub role: Role,
    /// Who has it.
    pub party: PartyId,
}

impl fmt::Display for RoleHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.role, self.party)
    }
}

impl FromStr for RoleHolder {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (role, party) = text.split_once(':').ok_or_else(|| {
            ValueError(format!(
                "`{}` is not a role and who has it, such as depositary:un (roles: {})",
                excerpt(text),
                Role::WORDS.join(", ")
            ))
        })?;
        Ok(Self {
            role: role.parse()?,
            party: party.parse()?,
        })
    }
}

impl Leaf for RoleHolder {
    const LABEL: &'static str = "ROLE:PARTY";
    fn reference(&self) -> Option<Reference<'_>> {
        self.party.reference()
    }
}

wire_texts! { RoleHolder }
