//! One line of text, parsed into a kind and fields.

use std::borrow::Cow;

use super::json::{Member, Object};
use super::line::{Defaults, Line, LineError, ParsedLine, owned};
use super::references::has_references;
use crate::event::{Event, Fields, Kind};
use crate::value::base::excerpt;
use crate::value::when::Instant;

/// The object of a line. Its members are those of the event; `Absent` replaces those that are not fields.
pub(super) struct LineObject<'a> {
    pub(super) kind: Kind,
    members: Vec<(Cow<'a, str>, Member<'a>)>,
    seq: Option<u64>,
    recorded_at: Option<Instant>,
}

impl LineObject<'_> {
    /// Copies the fields that have texts.
    pub(super) fn fields_given(&self) -> Fields {
        owned(&self.fields().collect::<Vec<_>>())
    }

    /// The fields that have texts.
    fn fields(&self) -> impl Iterator<Item = (&str, &[Cow<'_, str>])> {
        let fields = self.members.iter().map(|(name, member)| {
            // `parse_line` has refused members that are wrong.
            (&**name, member.texts().unwrap_or_default())
        });
        fields.filter(|(_, texts)| !texts.is_empty())
    }

    /// Completes the line with the user's values; makes its event unless other records must be looked up first.
    pub(super) fn line(&self, number: usize, defaults: &Defaults) -> Result<Line, Vec<LineError>> {
        let line = |parsed| Line {
            number,
            kind: self.kind,
            seq: self.seq,
            recorded_at: self.recorded_at,
            parsed,
        };
        if self.kind.spec().is_local() {
            return Ok(line(ParsedLine::OfItsLedger));
        }
        let key = defaults.key.as_ref().map(|key| format!("{key}:{number}"));
        let key = key.map(Cow::Owned);
        let recorded_by = defaults.recorded_by.as_deref().map(Cow::Borrowed);
        let mut given = Vec::with_capacity(self.members.len() + 2);
        given.extend(self.fields());
        for (name, text) in [("import_key", &key), ("recorded_by", &recorded_by)] {
            if let Some(text) = text
                && given.iter().all(|(field, _)| *field != name)
            {
                given.push((name, std::slice::from_ref(text)));
            }
        }
        if has_references(self.kind, self.seq.is_some(), &given) {
            return Ok(line(ParsedLine::Fields(owned(&given))));
        }
        match Event::build_from(self.kind, &given) {
            Ok(event) => Ok(line(ParsedLine::Event(event))),
            Err(errors) => {
                let at = |error| LineError::at(number, error);
                Err(errors.into_iter().map(at).collect())
            }
        }
    }
}

/// Parses a line; `kind` is its kind if it names none. An empty line gives none.
pub(super) fn parse_line(
    bytes: &[u8],
    line: usize,
    kind: Option<Kind>,
) -> Result<Option<LineObject<'_>>, Vec<LineError>> {
    let whole = |message: String| vec![LineError::whole(line, message)];
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to() + 1;
        whole(format!("is not UTF-8 from byte {place}"))
    })?;
    // Some editors write a byte order mark before the first line.
    let text = if line == 1 {
        text.trim_start_matches('\u{feff}')
    } else {
        text
    };
    if text.trim_start().is_empty() {
        return Ok(None);
    }
    let Object(mut members) = serde_json::from_str(text).map_err(|error| {
        let error = without_position(&error);
        whole(format!("is not a JSON object: {error}"))
    })?;
    let mut errors = Vec::new();
    let mut envelope = Envelope::default();
    for at in 0..members.len() {
        let (before, rest) = members.split_at_mut(at);
        let Some((name, member)) = rest.first_mut() else {
            break;
        };
        let taken = if before.iter().any(|(earlier, _)| earlier == name) {
            Err("stands twice".into())
        } else {
            envelope.take(name, member)
        };
        if let Err(message) = taken {
            errors.push(LineError::field(line, excerpt(name), message));
        }
    }
    let default = if envelope.names_kind { None } else { kind };
    let kind = envelope.kind.or(default);
    if kind.is_none() && !envelope.names_kind {
        let message = "is required: the kind of event";
        errors.push(LineError::field(line, "event", message));
    }
    match kind {
        Some(kind) if errors.is_empty() => Ok(Some(LineObject {
            kind,
            members,
            seq: envelope.seq,
            recorded_at: envelope.recorded_at,
        })),
        _ => Err(errors),
    }
}

/// The members of a line that are not fields of its event.
#[derive(Default)]
struct Envelope {
    kind: Option<Kind>,
    /// Whether the line has a member `event`, right or wrong.
    names_kind: bool,
    seq: Option<u64>,
    recorded_at: Option<Instant>,
}

impl Envelope {
    /// Takes a member that is not a field of the event and leaves `Absent`; checks the shape of a field.
    fn take(&mut self, name: &str, member: &mut Member<'_>) -> Result<(), String> {
        match name {
            // An export says this of its own ledger; an import states its times anew or not at all.
            "asserted" => {}
            "recorded_at" => match member.texts()? {
                [] => {}
                [text] => {
                    let time = Instant::beginning(text).map_err(|error| error.to_string())?;
                    self.recorded_at = Some(time);
                }
                _ => return Err("takes one time".into()),
            },
            "seq" => match member {
                Member::Number(number, _) => self.seq = Some(*number),
                _ => return Err("is not a record's number".into()),
            },
            "event" => {
                self.names_kind = true;
                let [word] = member.texts()? else {
                    return Err("takes one word".into());
                };
                self.kind = Some(word.parse::<Kind>().map_err(|error| error.to_string())?);
            }
            _ => return Ok(member.texts().map(|_| ())?),
        }
        *member = Member::Absent;
        Ok(())
    }
}

/// Writes serde_json's message without its line number, which counts from this line and not from the file's first.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let Some((message, _)) = message.rsplit_once(" at line ") else {
        return message;
    };
    match (error.line(), error.column()) {
        // An error of the whole text has no place in it.
        (_, 0) => message.to_owned(),
        (line, column) if line > 1 => format!("{message} (at byte {column} of line {line})"),
        (_, column) => format!("{message} (at byte {column})"),
    }
}
