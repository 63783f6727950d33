//! What went wrong, as a program reads it (RFC 9457) and as a page shows it.

use serde_json::{Map, Value, json};

use servanda_core::ndjson::LineError;
use servanda_ledger::documents::DocumentError;
use servanda_ledger::group::GroupError;
use servanda_ledger::{LedgerError, Refusal};
use servanda_log::LogError;

use crate::words;

/// Why a request is not answered as it was asked.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status of the answer.
    pub status: u16,
    /// What kind of problem it is, in a word that stays.
    pub kind: &'static str,
    /// What happened.
    pub message: String,
    /// Each thing that is wrong.
    pub errors: Vec<Wrong>,
    /// After how many seconds it may be tried again.
    pub retry_after: Option<u64>,
    /// The methods that would be answered.
    pub allow: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Default)]
pub struct Wrong {
    /// The place of the event in the batch, from 0.
    pub event: Option<usize>,
    /// The field or the parameter.
    pub field: Option<String>,
    /// What is wrong with it.
    pub message: String,
    /// The rule that refuses it.
    pub rule: Option<String>,
    /// What would be allowed.
    pub allowed: Vec<String>,
    /// Whether it may be recorded all the same, marked as irregular.
    pub is_waivable: bool,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            errors: Vec::new(),
            retry_after: None,
            allow: None,
        }
    }

    /// There is no such thing.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(404, "not-found", what)
    }

    /// Parameters or a body that cannot be understood.
    pub fn bad_request(errors: Vec<Wrong>) -> Self {
        let message = match errors.as_slice() {
            [one] => match &one.field {
                Some(field) => format!("{field}: {}", one.message),
                None => one.message.clone(),
            },
            more => format!("{} things are wrong with the request", more.len()),
        };
        Self {
            errors,
            ..Self::new(400, "bad-request", message)
        }
    }

    /// One parameter that is wrong.
    pub fn parameter(field: &str, message: impl Into<String>) -> Self {
        Self::bad_request(vec![Wrong::field(field, message)])
    }

    /// A parameter that names what is not there.
    pub fn missing(field: &str, message: impl Into<String>) -> Self {
        Self::all_missing(vec![Wrong::field(field, message)])
    }

    /// Parameters that name what is not there.
    pub fn all_missing(errors: Vec<Wrong>) -> Self {
        Self {
            status: 404,
            kind: "not-found",
            ..Self::bad_request(errors)
        }
    }

    /// A request that is understood, and has no answer because of a parameter.
    pub fn unanswerable(field: &str, message: impl Into<String>) -> Self {
        Self {
            status: 422,
            ..Self::parameter(field, message)
        }
    }

    /// The events of a batch that are wrong.
    pub fn events(errors: Vec<Wrong>) -> Self {
        let message = match errors.len() {
            1 => "one thing is wrong; nothing was recorded".to_owned(),
            count => format!("{count} things are wrong; nothing was recorded"),
        };
        Self {
            errors,
            ..Self::new(422, "refused", message)
        }
    }

    /// As JSON of RFC 9457.
    pub fn to_json(&self) -> String {
        let mut object = Map::new();
        object.insert(
            "type".into(),
            format!("urn:servanda:problem:{}", self.kind).into(),
        );
        object.insert("title".into(), title(self.kind).into());
        object.insert("status".into(), self.status.into());
        object.insert("detail".into(), self.message.clone().into());
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(Wrong::to_json);
            object.insert("errors".into(), errors.collect());
        }
        Value::Object(object).to_string()
    }
}

/// The title of a kind of problem, the same each time.
fn title(kind: &str) -> &'static str {
    match kind {
        "not-found" => "There is no such thing",
        "bad-request" => "The request cannot be understood",
        "refused" => "The events cannot be recorded",
        "unauthorized" => "Who is asking is not known",
        "forbidden" => "This is not allowed",
        "head-moved" => "The ledger has moved on",
        "too-many" => "Too many attempts",
        "too-large" => "Too much at once",
        "uncertain" => "Whether it was recorded is not known",
        "unavailable" => "The ledger cannot do this now",
        _ => "The server failed",
    }
}

impl Wrong {
    /// A field or parameter that is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            message: message.into(),
            ..Self::default()
        }
    }

    /// What is wrong with a line of a batch; lines count from 1.
    pub fn line(error: LineError) -> Self {
        Self {
            event: Some(error.line.saturating_sub(1)),
            field: error.field,
            message: error.message,
            ..Self::default()
        }
    }

    fn refusal(refusal: &Refusal) -> Self {
        let rejection = &refusal.rejection;
        Self {
            event: Some(refusal.index),
            field: None,
            message: rejection.message.clone(),
            rule: Some(rejection.rule.to_string()),
            allowed: rejection.allowed.iter().map(words::advice).collect(),
            is_waivable: rejection.rule.is_waivable(),
        }
    }

    fn to_json(&self) -> Value {
        let mut object = Map::new();
        if let Some(event) = self.event {
            object.insert("event".into(), event.into());
        }
        if let Some(field) = &self.field {
            object.insert("field".into(), field.clone().into());
        }
        object.insert("message".into(), self.message.clone().into());
        if let Some(rule) = &self.rule {
            object.insert("rule".into(), rule.clone().into());
            object.insert("allowed".into(), json!(self.allowed));
            object.insert("irregular_possible".into(), self.is_waivable.into());
        }
        Value::Object(object)
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let message = error.to_string();
        match error {
            LedgerError::Refused {
                listed, dependents, ..
            } => {
                let mut problem = Self::events(listed.iter().map(Wrong::refusal).collect());
                if dependents > 0 {
                    problem.message = message;
                }
                problem
            }
            LedgerError::Signature(_) | LedgerError::AssertedTime { .. } => {
                Self::new(422, "refused", message)
            }
            LedgerError::BatchTooLarge(_) | LedgerError::Full { .. } => {
                Self::new(413, "too-large", message)
            }
            LedgerError::HeadMoved(_) => Self::new(409, "head-moved", message),
            LedgerError::Uncertain(_) => Self::new(500, "uncertain", message),
            LedgerError::Unconfirmed(_) => Self::new(500, "unconfirmed", message),
            LedgerError::Log(
                LogError::Io { .. } | LogError::Unreachable { .. } | LogError::Clock,
            )
            | LedgerError::ClockJump { .. }
            | LedgerError::Scratch(_)
            | LedgerError::Entropy(_) => Self::new(503, "unavailable", message),
            _ => Self::new(500, "failed", format!("the ledger is not sound: {message}")),
        }
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::TooLong => Self::new(413, "too-large", error.to_string()),
            DocumentError::Changed(_) => Self::new(500, "failed", error.to_string()),
            // The path is of no use to a visitor.
            DocumentError::File { error, .. } => {
                Self::new(503, "unavailable", format!("the document: {error}"))
            }
        }
    }
}

impl From<GroupError> for Problem {
    fn from(error: GroupError) -> Self {
        let message = error.to_string();
        match error {
            GroupError::Refused(error) => error.into(),
            GroupError::NotWritten(error) => match *error {
                LedgerError::Uncertain(_) => Self::new(500, "uncertain", message),
                LedgerError::Unconfirmed(_) => Self::new(500, "unconfirmed", message),
                _ => Self::new(503, "unavailable", message),
            },
            GroupError::Lost => Self::new(500, "uncertain", message),
            GroupError::Crowded => Self {
                retry_after: Some(1),
                ..Self::new(503, "unavailable", message)
            },
            GroupError::Closed => Self::new(503, "unavailable", message),
        }
    }
}
