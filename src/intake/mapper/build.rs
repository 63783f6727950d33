//! Events built from mapped fields.

use servanda_core::event::{Event, FieldError, Fields, Kind};

/// Checks that fields make an event.
pub(super) fn check(kind: Kind, fields: &Fields) -> Result<(), String> {
    build_event(kind, fields, |_| None)
        .map(|_| ())
        .map_err(|errors| {
            let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
            list.join("; ")
        })
}

/// Builds an event from fields in which `@KEY` stands for a record: the one that `find` gives, or record 0 where it
/// gives none.
///
/// # Errors
/// All errors in the fields.
pub fn build_event(
    kind: Kind,
    fields: &Fields,
    find: impl Fn(&str) -> Option<u64>,
) -> Result<Event, Vec<FieldError>> {
    let mut fields = fields.clone();
    for spec in kind.fields().filter(|spec| spec.may_name_records()) {
        let texts = fields.get(spec.name).iter();
        let texts = texts.map(|text| match text.strip_prefix('@') {
            Some(key) => find(key).unwrap_or(0).to_string(),
            None => text.clone(),
        });
        fields.set(spec.name, texts.collect());
    }
    Event::build(kind, &fields)
}
