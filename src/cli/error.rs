//! Errors in the user's words: what happened, to which record or file, what to do; and the exit code.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::engines;
use crate::desk::names::NotNamed;
use crate::desk::reading::Wrong;
use servanda_core::event::Kind;
use servanda_core::rules::Advice;
use servanda_core::signatures::SignatureError;
use servanda_core::value::commitment::Asserter;
use servanda_ledger::AssertedTimeError;
use servanda_ledger::documents::DocumentError;
use servanda_ledger::{LedgerError, Refusal};
use servanda_log::{LogError, OpenError};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// Refused or failed; nothing was changed.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The ledger's integrity is broken.
    Broken = 10,
    /// A signature or a witness is bad.
    BadSignature = 11,
    /// The ledger is sound, but not anchored where that was asked.
    NotAnchored = 12,
    /// There is no such ledger.
    NoLedger = 20,
    /// The ledger is locked, its head moved, or it is uncertain whether an append happened.
    Locked = 21,
    /// Records were appended, and what comes after failed: the receipt, the confirmation by a standby, or the erasure of
    /// redacted words.
    Recorded = 22,
    /// What keeps the ledger does not answer; nothing was changed.
    Unreachable = 23,
    /// Ctrl-C, SIGTERM or SIGHUP; nothing was recorded.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error to show.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What happened, to which record or file.
    pub message: String,
    /// More lines about it.
    pub details: Vec<String>,
    /// Advice, a line each.
    pub hints: Vec<String>,
}

impl CliError {
    /// An error with the exit code for a refusal.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// An error with an exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Adds a detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A file that cannot be read or written.
    pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::refused(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<NotNamed> for CliError {
    fn from(error: NotNamed) -> Self {
        let refused = Self::refused(error.to_string());
        match error {
            NotNamed::Nothing { .. } => {
                refused.hint("`servanda list parties|agreements|commitments|sources` and `servanda log` list them")
            }
            NotNamed::Ambiguous { .. } => refused.hint("write more of the id or name"),
            NotNamed::OtherKind { .. } => refused,
            NotNamed::NoRecord(_) => refused.hint("`servanda log` lists the records"),
        }
    }
}

impl CliError {
    /// The fields of an event of a kind that are wrong, each on a line.
    pub fn wrong_fields(kind: Kind, wrong: &[Wrong]) -> Self {
        let exit = match wrong.iter().any(|wrong| wrong.is_usage) {
            true => Exit::Usage,
            false => Exit::Refused,
        };
        let message = match wrong.len() {
            1 => "a field is wrong; nothing was recorded".to_owned(),
            count => format!("{count} fields are wrong; nothing was recorded"),
        };
        let mut error = Self::new(exit, message);
        for wrong in wrong {
            error = error.detail(in_words(kind, wrong));
        }
        let mut forms: Vec<&str> = wrong
            .iter()
            .flat_map(|wrong| wrong.forms)
            .copied()
            .collect();
        forms.dedup();
        for form in forms {
            error = error.detail(form);
        }
        if wrong.iter().any(|wrong| wrong.is_unnamed) {
            error = error.hint("register it first, or correct the name");
        }
        error
    }
}

/// What is wrong with a field, with the option that gives it where it is missing.
pub fn in_words(kind: Kind, wrong: &Wrong) -> String {
    let line = match wrong.field.as_str() {
        "" => wrong.message.clone(),
        field => format!("{field}: {}", wrong.message),
    };
    match kind.field(&wrong.field) {
        Some(spec) if wrong.is_missing => match spec.is_positional() {
            true => format!("{line} (<{}>)", spec.label),
            false => format!("{line} (--{} {})", spec.name.replace('_', "-"), spec.label),
        },
        _ => line,
    }
}

impl From<LogError> for CliError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io { ref source, .. } => {
                let hint = hint_for(source.kind());
                let told = Self::refused(error.to_string());
                match hint {
                    Some(hint) => told.hint(hint),
                    None => told,
                }
            }
            LogError::Damaged { .. } => Self::new(Exit::Broken, error.to_string())
                .hint("keep the directory as evidence, and continue with an earlier copy; `servanda verify` shows whether that is sound"),
            LogError::Unreachable { .. } => Self::new(Exit::Unreachable, error.to_string())
                .hint("nothing is known of the records meanwhile: try again once it answers"),
            LogError::Clock => Self::refused(error.to_string()).hint("set the clock and try again"),
            LogError::Unsupported(_) => Self::refused(error.to_string()),
        }
    }
}

/// Advice for an error of the system.
fn hint_for(kind: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind::{
        FileTooLarge, OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match kind {
        FileTooLarge => Some(
            "raise the limit on the size of files (`ulimit -f`) and try again; the records are safe",
        ),
        StorageFull | QuotaExceeded => {
            Some("make room on the ledger's file system and try again; the records are safe")
        }
        OutOfMemory => {
            Some("raise the limit on memory (`ulimit -v`) and try again; the records are safe")
        }
        ReadOnlyFilesystem | PermissionDenied => {
            Some("the ledger's directory must be writable; a copy of it elsewhere will do")
        }
        _ => None,
    }
}

impl From<DocumentError> for CliError {
    fn from(error: DocumentError) -> Self {
        let refused = Self::refused(error.to_string());
        match error {
            DocumentError::TooLong => refused.hint("leave out --keep, and keep it elsewhere"),
            DocumentError::Changed(_) | DocumentError::File { .. } => refused,
        }
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        let message = error.to_string();
        match error {
            LedgerError::Log(error) => error.into(),
            LedgerError::Broken { .. } | LedgerError::Short { .. } => {
                Self::new(Exit::Broken, format!("the ledger is not sound: {message}"))
                    .hint("`servanda verify` lists all findings")
            }
            LedgerError::Refused { listed, .. } => refused(&listed),
            LedgerError::HeadMoved(_) => Self::new(Exit::Locked, message).hint("try again"),
            LedgerError::Uncertain(_) => Self::new(Exit::Locked, message)
                .hint("`servanda log` shows whether the records are there; with import keys it is safe to try again"),
            LedgerError::Unconfirmed(_) => Self::new(Exit::Recorded, message)
                .hint("do not record it again: once a standby is there, the next record that is acknowledged confirms this one too")
                .hint("if the server is lost before that, so is the record: `servanda log` shows whether it is there"),
            LedgerError::AssertedTime { source, .. } => Self::asserted_time(source),
            LedgerError::ClockJump { .. } => Self::refused(format!("{message}; nothing was appended"))
                .hint("recorded times never go back: set the clock, or say --clock-is-right"),
            LedgerError::NotEmpty(_) => Self::refused(message).hint("choose another directory"),
            LedgerError::BatchTooLarge(_) => Self::refused(message).hint("split the file"),
            LedgerError::Scratch(_) => Self::refused(format!("{message}; nothing was appended"))
                .hint(format!(
                    "that is {}; set TMPDIR to a directory with as much room as the events have bytes",
                    std::env::temp_dir().display()
                )),
            LedgerError::Full { .. } => Self::refused(message)
                .hint("continue in a new ledger, and register this one's last checkpoint there as a source"),
            LedgerError::Entropy(_) | LedgerError::Tree(_) | LedgerError::TooLong(_) => {
                Self::refused(message)
            }
            LedgerError::Signature(SignatureError::Missing { .. }) => Self::refused(message)
                .hint("give the private key's file with --sign-with, or in SERVANDA_SIGN_WITH"),
            LedgerError::Signature(SignatureError::Forged(_)) => {
                Self::new(Exit::BadSignature, message).hint("sign with the key that is recorded in the ledger")
            }
            LedgerError::Signature(SignatureError::Private) => Self::refused(message)
                .hint("`servanda key show FILE` prints the public one")
                .hint("the private one is in the shell's history now: use another key"),
            LedgerError::Signature(_) => Self::refused(message),
            LedgerError::NotErased(error) => {
                let mut error = Self::from(*error).hint("`servanda redact --finish` erases it");
                error.exit = Exit::Recorded;
                error.message = message;
                error
            }
        }
    }
}

impl CliError {
    /// A recorded time that cannot be asserted.
    pub fn asserted_time(error: AssertedTimeError) -> Self {
        let refused = Self::refused(format!("{error}; nothing was appended"));
        match error {
            AssertedTimeError::Ended => refused.hint("only a ledger made with `servanda init --backfill` takes recorded times, until the first append without one"),
            AssertedTimeError::Backwards { .. } => refused.hint("recorded times never decrease: import events in the order in which they were recorded"),
            AssertedTimeError::Future { .. } => refused.hint("give the time at which it was recorded, in UTC or with its offset"),
        }
    }
}

/// The first refused event.
fn refused(refusals: &[Refusal]) -> CliError {
    let Some(first) = refusals.first() else {
        return CliError::refused("refused");
    };
    let mut error = CliError::refused(first.rejection.to_string());
    let allowed: Vec<String> = first.rejection.allowed.iter().map(advice).collect();
    if allowed.iter().any(|allowed| allowed.contains(' ')) {
        for allowed in allowed {
            error = error.detail(format!("allowed: {allowed}"));
        }
    } else if !allowed.is_empty() {
        // Words of a list, which can be long.
        error = error.detail(format!("allowed: {}", allowed.join(", ")));
    }
    if first.rejection.rule.is_waivable() {
        error = error.hint("if it was reported anyway, record it with --irregular \"REASON\"");
    }
    error
}

/// The words for what a recorder can do instead of a refused event.
pub fn advice(advice: &Advice) -> String {
    match advice {
        Advice::Use(words) | Advice::Do(words) => words.clone(),
        Advice::Move(row) => {
            let by: Vec<String> = row.by.iter().map(|one| asserter(*one)).collect();
            format!("{} ({}; by {})", row.to, row.cause, by.join(" or "))
        }
        Advice::AssertedBy(one) => format!("--by {}", asserter(*one)),
        Advice::AsRegular => "record it without `irregular`".to_owned(),
        Advice::BothCases => "--case-matters, if both are meant".to_owned(),
        Advice::DeclareKey(party) => format!("servanda record party-key {party} --key VKEY"),
    }
}

/// Who must assert a move, with the flag for a capacity that no role tells.
fn asserter(asserter: Asserter) -> String {
    match asserter.capacity() {
        Some(capacity) => format!("{asserter} (--capacity {capacity})"),
        None => asserter.to_string(),
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        let message = error.to_string();
        use OpenError as E;
        match error {
            E::Log(error) => error.into(),
            E::Locked { .. } => Self::new(Exit::Locked, message).hint("wait longer with --wait SECONDS"),
            E::AlreadyALedger(_) | E::NotEmpty(_) => {
                Self::refused(message).hint("choose another directory")
            }
            E::ReadOnly { .. } => Self::refused(message)
                .hint("copy the directory to where it can be written; a copy verifies as well as the original"),
            E::UnknownScheme { location, .. } => Self::new(Exit::Usage, message).hint(
                engines::left_out(location.scheme()).unwrap_or("for a directory of that name, write ./ before it"),
            ),
            E::OtherVersion { .. } => Self::new(Exit::Locked, message)
                .hint("start the server again with this version, or use its version here"),
            E::NewerFormat { .. } | E::UnknownStore { .. } => {
                Self::new(Exit::NoLedger, message).hint("use the version of servanda that made it, or a newer one")
            }
            E::HalfMade(_) => Self::new(Exit::NoLedger, message)
                .hint("nothing was ever recorded in it: `servanda init --ledger DIR --origin NAME` makes it anew"),
            _ => Self::new(Exit::NoLedger, message)
                .hint("`servanda init --ledger DIR --origin NAME` makes a ledger; `servanda demo` shows one"),
        }
    }
}
