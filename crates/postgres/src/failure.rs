//! What an error of the server or of the connection means.

use std::error::Error as _;
use std::io;

use postgres::error::SqlState;
use servanda_log::LogError;

/// What became of a statement that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The database refused a second append behind the same head, or a record that is there already.
    Conflict,
    /// Two writers waited for each other, and this one was sent back. Nothing was written.
    SentBack,
    /// The server refused it. Nothing was written.
    Refused,
    /// Nobody knows: the connection ended before the answer.
    Unknown,
}

/// What became of a statement that ended with this error.
pub(super) fn fate(error: &postgres::Error) -> Fate {
    let Some(said) = error.as_db_error() else {
        return Fate::Unknown;
    };
    // A connection that the server ends may be one that waits for its standbys: its records may be there.
    if matches!(said.severity(), "FATAL" | "PANIC") {
        return Fate::Unknown;
    }
    match *said.code() {
        SqlState::UNIQUE_VIOLATION | SqlState::FOREIGN_KEY_VIOLATION => Fate::Conflict,
        SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE => Fate::SentBack,
        _ => Fate::Refused,
    }
}

/// Whether an error ended the connection, or tells that it leads to a server that takes no records.
pub(super) fn ends_session(error: &postgres::Error) -> bool {
    fate(error) == Fate::Unknown || error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// Whether a connection was refused for how TLS is spoken or not spoken on it.
pub(super) fn is_of_tls(error: &postgres::Error) -> bool {
    super::tls::is_refusal(error)
        || error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// Whether the client itself gave up, because something that it needs is missing, such as a password. The driver says so in
/// words only.
pub(super) fn is_of_client(error: &postgres::Error) -> bool {
    let said = error.to_string();
    said.starts_with("invalid configuration") || said.starts_with("authentication error")
}

/// An error for people: what the server said, or what befell the connection, with its causes.
pub(super) fn text(error: &postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        let detail = said.detail().map(|detail| format!(" ({detail})"));
        return format!("{}{}", said.message(), detail.unwrap_or_default());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The error of a log whose server failed while it was `doing` something.
pub(super) fn log_error(doing: impl Into<String>, error: &postgres::Error) -> LogError {
    match fate(error) {
        Fate::Unknown => unreachable(doing, error),
        _ => io_error(doing, text(error)),
    }
}

/// The error of a log whose server does not answer.
pub(super) fn unreachable(doing: impl Into<String>, error: &postgres::Error) -> LogError {
    LogError::Unreachable {
        doing: doing.into(),
        why: text(error),
    }
}

/// As [`log_error`] of a server that refuses, in these words.
pub(super) fn io_error(doing: impl Into<String>, why: impl Into<String>) -> LogError {
    LogError::Io {
        doing: doing.into(),
        source: io::Error::other(why.into()),
    }
}
