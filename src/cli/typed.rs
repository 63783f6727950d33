//! What the user typed for one event, and the event that it makes.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::error::CliError;
use super::files::{input, input_name};
use super::session::Session;
use crate::desk::reading::{Desk, Wrong};
use crate::desk::template;
use servanda_core::chain::record::document_digest;
use servanda_core::event::{Event, FieldSpec, Fields, Kind};
use servanda_core::ndjson;
use servanda_core::value::base::Shape;
use servanda_ledger::documents::{DOCUMENT_BYTES, DocumentError};

/// The field of a document's digest: a kind that has it also takes the document.
pub const DIGEST: &str = "digest";

/// The fields of one event as they were typed.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// Their texts.
    pub fields: Fields,
    /// The names of those that came from a JSON object, which is read as NDJSON is.
    pub from_json: Vec<String>,
    /// Whether they came from a file, so that what is wrong is not the command line.
    pub from_file: bool,
    /// The document that is to be kept beside the ledger.
    pub document: Option<Vec<u8>>,
    /// What is wrong with what was typed beside the fields: options that there are not, lines of a template.
    pub wrong: Vec<Wrong>,
}

impl Typed {
    /// The texts from all places where they can be given.
    pub fn gather(kind: Kind, matches: &ArgMatches) -> Result<Self, CliError> {
        let mut typed = match matches.get_one::<PathBuf>("file") {
            Some(path) => from_file(kind, path)?,
            None => Self::default(),
        };
        for spec in kind.fields() {
            typed.set(spec.name, given(spec, matches));
        }
        if kind.field(DIGEST).is_some()
            && let Some(path) = matches.get_one::<PathBuf>("document")
        {
            match matches.get_flag("keep") {
                false => typed.set(DIGEST, vec![digest_of(path)?]),
                true => typed.take_document(path)?,
            }
        }
        Ok(typed)
    }

    /// Texts that were typed, and no JSON.
    pub fn of(fields: Fields) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }

    /// What a filled-in template says.
    pub fn of_template(text: &str) -> Self {
        let (fields, errors) = template::read(text);
        let wrong = errors.into_iter();
        let wrong = wrong.map(|error| Wrong::new(error.field, error.error.to_string()));
        Self {
            wrong: wrong.collect(),
            ..Self::of(fields)
        }
    }

    /// Reads the document that is to be kept, and its digest.
    fn take_document(&mut self, path: &Path) -> Result<(), CliError> {
        let mut bytes = Vec::new();
        input(path)?
            .take(DOCUMENT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| CliError::file("read", path, &error))?;
        if bytes.len() as u64 > DOCUMENT_BYTES {
            return Err(CliError::from(DocumentError::TooLong));
        }
        let digest = document_digest(bytes.as_slice())
            .map_err(|error| CliError::file("read", path, &error))?;
        self.set(DIGEST, vec![digest.to_string()]);
        self.document = Some(bytes);
        Ok(())
    }

    fn set(&mut self, name: &str, texts: Vec<String>) {
        if !texts.is_empty() {
            self.fields.set(name, texts);
            self.from_json.retain(|given| given != name);
        }
    }

    /// The event that they make, with the names in a ledger where one is open. Says what was read as something else.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn event(
        &self,
        session: &Session,
        desk: &Desk<'_>,
        kind: Kind,
    ) -> Result<Event, Vec<Wrong>> {
        let read = desk.read(kind, &self.fields, &self.from_json);
        let event = match (desk.event(kind, &read), self.wrong.is_empty()) {
            (Ok(event), true) => event,
            (built, _) => {
                let wrong = built.err().unwrap_or_default();
                let all = self.wrong.iter().cloned().chain(wrong);
                let all = all.map(|wrong| Wrong {
                    is_usage: wrong.is_usage && !self.from_file,
                    ..wrong
                });
                return Err(all.collect());
            }
        };
        for said in &read.said {
            session.talk(said);
        }
        Ok(event)
    }
}

/// Builds an event that names nothing in a ledger.
///
/// # Errors
/// The fields that are wrong.
pub fn built(session: &Session, kind: Kind, fields: Fields) -> Result<Event, CliError> {
    let event = Typed::of(fields).event(session, &session.desk(None), kind);
    event.map_err(|wrong| CliError::wrong_fields(kind, &wrong))
}

/// The texts that were given for a field.
pub fn given(spec: &FieldSpec, matches: &ArgMatches) -> Vec<String> {
    if spec.shape == Shape::Flag {
        let set = matches.get_flag(spec.name);
        return if set { vec!["true".into()] } else { Vec::new() };
    }
    matches
        .get_many::<String>(spec.name)
        .map(|texts| texts.cloned().collect())
        .unwrap_or_default()
}

/// Reads a file of at most one line's length.
pub fn text_of(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut text = Vec::new();
    input(path)?
        .take(ndjson::LINE_LIMIT as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|error| CliError::file("read", path, &error))?;
    Ok(text)
}

fn from_file(kind: Kind, path: &Path) -> Result<Typed, CliError> {
    let text = text_of(path)?;
    let name = input_name(path);
    if let Some(template) = template::text(&text) {
        return Ok(Typed::of_template(template));
    }
    let draft = ndjson::read_one(&text, kind).map_err(|errors| {
        let mut error = CliError::refused(format!("{name} does not hold an event; nothing was recorded"));
        for wrong in &errors {
            error = error.detail(match &wrong.field {
                Some(field) => format!("{field}: {}", wrong.message),
                None => wrong.message.clone(),
            });
        }
        error.hint(format!("one JSON object, such as the lines of `servanda export`; `servanda record {kind} --help` lists the fields"))
    })?;
    match draft {
        Some((found, fields)) if found == kind => Ok(Typed {
            from_json: fields.iter().map(|(name, _)| name.to_owned()).collect(),
            from_file: true,
            ..Typed::of(fields)
        }),
        Some((found, _)) => Err(
            CliError::refused(format!("{name} holds a {found}, not a {kind}"))
                .hint(format!("servanda record {found} --file {}", path.display())),
        ),
        None => Err(CliError::refused(format!("{name} is empty"))),
    }
}

fn digest_of(path: &Path) -> Result<String, CliError> {
    document_digest(input(path)?)
        .map(|digest| digest.to_string())
        .map_err(|error| CliError::file("read", path, &error))
}
