//! Words in headers, and what they mean.

use servanda_core::value::agreement::Action;

/// Words in the headers of columns of parties.
pub const WHO: &[&str] = &[
    "participant",
    "participants",
    "party",
    "parties",
    "country",
    "countries",
    "state",
    "states",
    "member",
    "members",
    "signatory",
    "signatories",
    "debtor",
    "debtors",
    "who",
    "name",
    "land",
    "länder",
    "pays",
    "país",
    "países",
    "wer",
];
/// Words in the headers of columns of commitments.
pub const WHAT: &[&str] = &[
    "commitment",
    "pledge",
    "promise",
    "obligation",
    "text",
    "measure",
    "description",
    "what",
    "was",
];
/// Words in the headers of columns of agreements.
pub const TITLE: &[&str] = &[
    "title",
    "treaty",
    "agreement",
    "convention",
    "protocol",
    "instrument",
    "titel",
    "vertrag",
    "titre",
    "traité",
    "título",
    "tratado",
];
pub const DUE: &[&str] = &["deadline", "due", "until", "frist", "plazo", "by"];
pub const NUMBER: &[&str] = &[
    "id",
    "uuid",
    "no",
    "no.",
    "nr",
    "nr.",
    "number",
    "code",
    "key",
    "ref",
    "reference",
    "#",
];
/// Parts of the headers of days on which an agreement was concluded, came into force, and ended.
pub const CONCLUDED: &[&str] = &["sign", "conclu", "adopt", "date"];
pub const IN_FORCE: &[&str] = &["force", "effect"];
pub const ENDED: &[&str] = &["terminat", "ended", "expir", "denounc"];

/// Words in headers, and the actions that they mean; the more special first.
pub const ACTIONS: &[(&str, Action)] = &[
    ("definitive signature", Action::DefinitiveSignature),
    ("provisional", Action::ProvisionalApplication),
    ("formal confirmation", Action::FormalConfirmation),
    ("entry into force", Action::EntryIntoForce),
    ("effect", Action::EntryIntoForce),
    ("withdrawal", Action::Withdrawal),
    ("denunciation", Action::Withdrawal),
    ("notification", Action::Notification),
    ("accession", Action::Accession),
    ("acceptance", Action::Acceptance),
    ("approval", Action::Approval),
    ("succession", Action::Succession),
    ("ratification", Action::Ratification),
    ("signature", Action::Signature),
    ("signed", Action::Signature),
];

/// The action that a code under a header means, and whether that is a guess.
pub fn action(header: &str, code: &str) -> (Action, bool) {
    let marked = format!("({code})");
    let labels: Vec<&str> = header.split(", ").collect();
    let label = match code {
        "" => labels
            .iter()
            .find(|label| !label.ends_with(')'))
            .or(labels.first()),
        _ => labels.iter().find(|label| label.ends_with(&marked)),
    };
    let label = label.map(|label| label.to_lowercase());
    let known = label.and_then(|label| ACTIONS.iter().find(|(word, _)| label.contains(word)));
    match known {
        Some((_, action)) => (*action, false),
        None => (Action::Notification, true),
    }
}
