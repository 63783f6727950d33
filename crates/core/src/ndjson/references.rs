//! The fields of lines that may name records by numbers or keys which only a ledger knows.

use crate::event::{Change, FieldSpec, Fields, Kind};

/// A record that every ledger has. It replaces an unknown record where only the form of a line is checked.
pub(super) const SOME_RECORD: &str = "0";

/// Lists the fields of an event that may name records. The values of a correction are those of the corrected field.
pub(super) fn naming_records(
    kind: Kind,
    corrected: Option<&str>,
) -> impl Iterator<Item = &'static str> {
    let names_records = |name: &str| {
        let mut specs = Kind::ALL.iter().filter_map(|kind| kind.field(name));
        specs.any(FieldSpec::may_name_records)
    };
    let corrects =
        kind.spec().change == Some(Change::Corrects) && corrected.is_some_and(names_records);
    let fields = kind.fields().filter(move |spec| {
        spec.may_name_records() || corrects && matches!(spec.name, "old" | "to")
    });
    fields.map(|spec| spec.name)
}

/// Fields in which record 0, which every ledger has, stands for the records that are named by their import keys.
pub(super) fn with_some_records(kind: Kind, fields: &Fields) -> Fields {
    let mut fields = fields.clone();
    let corrected = fields.get("field").first().cloned();
    for name in naming_records(kind, corrected.as_deref()) {
        let texts = fields
            .get(name)
            .iter()
            .map(|text| match text.starts_with('@') {
                true => SOME_RECORD.to_owned(),
                false => text.clone(),
            });
        fields.set(name, texts.collect());
    }
    fields
}

/// Whether a line has references that need a [`ReferenceResolver`].
pub(super) fn has_references<S: AsRef<str>>(
    kind: Kind,
    is_exported: bool,
    given: &[(&str, &[S])],
) -> bool {
    // Such texts are rare and cheap to see; the field that they belong to costs more to find.
    let suspect = |text: &S| {
        let text = text.as_ref();
        text.starts_with('@') || is_exported && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let suspects = || {
        let texts = given.iter();
        texts.filter(|(_, texts)| texts.iter().any(suspect))
    };
    if suspects().next().is_none() {
        return false;
    }
    let corrected = given.iter().find(|(name, _)| *name == "field");
    let corrected = corrected.and_then(|(_, texts)| texts.first().map(AsRef::as_ref));
    let naming: Vec<_> = naming_records(kind, corrected).collect();
    suspects().any(|(name, _)| naming.contains(name))
}
