//! Published ledgers, as the command line names them, and what is wrong with them in the user's words.

use std::sync::Arc;

use clap::builder::{OsStringValueParser, TypedValueParser};

use super::anchors::one_line;
use super::engines;
use super::error::{CliError, Exit};
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::verify::{Finding, Outcome, Verdict};
use servanda_ledger::follow::FollowError;
use servanda_log::Location;
use servanda_tiles::publish::PublishError;
use servanda_tiles::{Access, Published, PublishedError, Store, StoreError};

/// The variable with the token for a server that asks for one.
const TOKEN: &str = "SERVANDA_TOKEN";

/// Findings that an error lists.
const LISTED: usize = 10;

/// Reads an argument that names a place.
pub(super) fn location() -> impl TypedValueParser<Value = Location> {
    OsStringValueParser::new().map(Location::new)
}

/// Opens a place; nothing is asked yet.
pub(super) fn store(at: &Location) -> Result<Arc<dyn Store>, CliError> {
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    servanda_tiles::open(at, &Access { token }).map_err(|error| {
        let told = CliError::from(error);
        match engines::left_out(at.scheme()) {
            Some(hint) => told.hint(hint),
            None => told,
        }
    })
}

/// Reads the checkpoint at a place.
pub(super) fn open(at: &Location) -> Result<Published, CliError> {
    Published::open(store(at)?, &at.to_string()).map_err(|error| {
        let is_http = at.scheme().starts_with("http");
        let told = CliError::from(error);
        match is_http && told.exit == Exit::NoLedger {
            true => told.hint("a ledger that `servanda serve` shows is at http://HOST:PORT/api/v1"),
            false => told,
        }
    })
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let told = Self::refused(error.to_string());
        match error {
            StoreError::NotAllowed { .. } => told.hint(format!(
                "keys for S3 come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a token for a server from {TOKEN}"
            )),
            StoreError::Address { .. } => Self { exit: Exit::Usage, ..told },
            StoreError::Failed { .. } => told,
            StoreError::Unreachable { .. } => Self { exit: Exit::Unreachable, ..told }.hint("try again; for S3, AWS_ENDPOINT_URL and AWS_REGION say where it is, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY who asks"),
            StoreError::TooLong { .. } => told,
        }
    }
}

impl From<PublishedError> for CliError {
    fn from(error: PublishedError) -> Self {
        let message = error.to_string();
        match error {
            PublishedError::Store(error) => error.into(),
            PublishedError::Nothing(_) => {
                Self::new(Exit::NoLedger, message).hint("`servanda publish TARGET` publishes one")
            }
            PublishedError::NoCheckpoint(_) => Self::new(Exit::Broken, message),
        }
    }
}

/// Shows two checkpoints that do not fit.
fn evidence(error: CliError, here: &Checkpoint, there: &Checkpoint) -> CliError {
    error
        .detail(format!("here:  {}", one_line(here)))
        .detail(format!("there: {}", one_line(there)))
        .hint("keep both as evidence; nothing was changed")
}

impl From<PublishError> for CliError {
    fn from(error: PublishError) -> Self {
        let broken = Self::new(Exit::Broken, error.to_string());
        match error {
            PublishError::Store(error) => Self::from(error)
                .hint("what was published before is as it was; publish again to go on"),
            PublishError::Published(error) => error.into(),
            PublishError::Ledger(error) => error.into(),
            PublishError::OtherLedger { .. } => Self { exit: Exit::Refused, ..broken }
                .hint("publish each ledger in a directory or under a prefix of its own"),
            PublishError::Behind { found, own } | PublishError::Forked { found, own } => {
                evidence(broken, &own, &found)
            }
            PublishError::Differs { .. } => broken.hint(
                "find out who else publishes there; if it is a leftover of theirs, remove that object and publish again",
            ),
            PublishError::Unsigned => Self { exit: Exit::Refused, ..broken }
                .hint("--key FILE signs it with the log's key"),
            PublishError::Raced(_) => Self { exit: Exit::Locked, ..broken }.hint("publish again"),
        }
    }
}

/// Words why nothing was taken over from a place.
pub(super) fn not_followed(at: &str, own: &Checkpoint, error: FollowError) -> CliError {
    let message = format!("{at}: {error}");
    let broken = CliError::new(Exit::Broken, message);
    match error {
        FollowError::Ledger(error) => error.into(),
        FollowError::OtherOrigin(_) => broken.hint("follow each ledger in a directory of its own"),
        FollowError::Older { theirs } => evidence(broken, own, &theirs),
        FollowError::Forked { own, theirs } => evidence(broken, &own, &theirs),
        FollowError::OtherRoot { found, theirs } => broken
            .detail(format!("its records:    {}", one_line(&found)))
            .detail(format!("its checkpoint: {}", one_line(&theirs)))
            .hint("keep both as evidence; nothing was changed"),
        FollowError::Damaged(_) => {
            broken.hint(format!("`servanda verify --from {at}` names what is wrong"))
        }
        FollowError::Unsound(verdict) => unsound(broken, &verdict),
    }
}

/// An error with the findings of a verdict.
pub(super) fn unsound(mut error: CliError, verdict: &Verdict) -> CliError {
    for Finding {
        kind,
        records,
        expected,
        found,
    } in verdict.findings.iter().take(LISTED)
    {
        let records: Vec<String> = records.iter().map(u64::to_string).collect();
        let records = records.join(" to ");
        let kind = kind.word();
        error = error.detail(format!(
            "{records}: {kind}: expected {expected}, found {found}"
        ));
    }
    let more = verdict.findings.len().saturating_sub(LISTED);
    if more > 0 {
        error = error.detail(format!("and {more} more"));
    }
    if verdict.outcome() == Outcome::BadSignature {
        error.exit = Exit::BadSignature;
    }
    error.hint("nothing was changed here")
}
