//! What a form says, on its way between its pages.

use servanda_core::event::{Change, Fields, Kind};

use crate::query::Query;

/// What somebody wants with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To see what it would record.
    Preview,
    /// To record it.
    Save,
    /// To let it wait for others, which are recorded together with it.
    Hold,
    /// To change it.
    Edit,
    /// Another line for a field.
    More(String),
}

impl Step {
    /// The step that a form asks for.
    pub fn of(form: &Query) -> Self {
        match (form.get("more"), form.get("step")) {
            (Some(field), _) => Self::More(field.to_owned()),
            (None, Some("save")) => Self::Save,
            (None, Some("hold")) => Self::Hold,
            (None, Some("edit")) => Self::Edit,
            (None, _) => Self::Preview,
        }
    }
}

/// The fields that a form or a link gives.
pub fn fields(kind: Kind, form: &Query, recorded_by: Option<&str>) -> Fields {
    let mut fields = Fields::default();
    for spec in kind.fields() {
        let lines = |text: &str| text.replace("\r\n", "\n");
        fields.set(spec.name, form.all(spec.name).map(lines).collect());
    }
    if let Some(name) = recorded_by {
        fields.set("recorded_by", vec![name.to_owned()]);
    }
    fields
}

/// Whether a kind of event can be recorded by form: not the opening, and not what erases, which has a form of its own.
pub fn has_form(kind: Kind) -> bool {
    !kind.spec().opens() && kind.spec().change != Some(Change::Redacts)
}

/// What a kind of event answers, as a person would say it; without a question of its own, what it is about.
pub fn question(kind: Kind) -> &'static str {
    match kind {
        Kind::PartyRegistered => "There is a party",
        Kind::PartyRenamed => "A party has another name",
        Kind::PartySucceeded => "A party was succeeded by others",
        Kind::SourceRegistered => "There is a source",
        Kind::MeetingHeld => "There was a meeting",
        Kind::AgreementRecorded => "There is an agreement",
        Kind::AgreementStatusChanged => "An agreement came into force, was changed or ended",
        Kind::ParticipationRecorded => "A party signed, ratified, joined or left",
        Kind::CommitmentRecorded => "Somebody promised something",
        Kind::CommitmentAmended => "The terms of a promise were changed",
        Kind::StatusChanged => "Somebody kept or broke a promise, or says so",
        Kind::ContestMoved => "Somebody disputes a promise, or a dispute was settled",
        Kind::ProgressReported => "Progress was reported",
        Kind::OccurrenceHeld => "A promise was kept on a day of its rule",
        Kind::Assessed => "Somebody assessed a promise",
        Kind::StatementRecorded => "Somebody said something",
        Kind::EvidenceAttached => "There is evidence",
        Kind::Noted => "A note",
        Kind::Corrected => "A record is wrong in one field",
        Kind::Retracted => "A record should not be there",
        Kind::RecorderAdmitted => "A recorder has a key",
        Kind::RecorderRotated => "A recorder has another key",
        Kind::RecorderRevoked => "A recorder's key is no longer good",
        Kind::PartyKeyDeclared => "A party has a key",
        Kind::Acknowledged => "A party acknowledged a record with its own key",
        kind => kind.spec().about(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_gives_the_fields_of_its_kind_and_no_others() {
        let form = Query::parse(
            b"id=C1&text=one%0D%0Atwo&debtor=a&debtor=&debtor=b&csrf=x&step=save&mutual=true",
        );
        let found = fields(Kind::CommitmentRecorded, &form, Some("Ana"));
        let given: Vec<_> = found
            .iter()
            .map(|(name, texts)| (name, texts.join("|")))
            .collect();
        let expected = [
            ("id", "C1"),
            ("text", "one\ntwo"),
            ("debtor", "a|b"),
            ("mutual", "true"),
            ("recorded_by", "Ana"),
        ];
        assert_eq!(given, expected.map(|(name, text)| (name, text.to_owned())));
        assert_eq!(Step::of(&form), Step::Save);
        assert_eq!(
            Step::of(&Query::parse(b"more=debtor&step=save")),
            Step::More("debtor".into())
        );
    }
}
