//! The tables of a ledger, and the statements that make them.

use std::time::Duration;

use super::failure::log_error;
use super::pool::Pool;
use super::session::Session;
use servanda_log::{Location, LogError, OpenError};

/// The format of the tables.
pub(super) const FORMAT: i32 = 1;

/// Makes the tables, in the schema that the session looks in. A head is a row for each append: the number of records
/// then, the link of the last of them, and the number at the head before. The first row stands for the empty ledger.
///
/// `heads.prev` is unique: of two appends behind the same head one fails, even if both came from programs that check
/// nothing. That it names a head which is there is up to the statement of an append, which takes it from that row. A foreign
/// key would lock the row besides, and a `CHECK` is read anew for each statement: each costs a twentieth of an append.
const TABLES: &str = "
CREATE TABLE ledger (
    format int4 NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    erasures int8 NOT NULL DEFAULT 0,
    erasing bool NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX ledger_one_row ON ledger ((true));
CREATE TABLE records (
    seq int8 PRIMARY KEY,
    sealed bytea NOT NULL
);
CREATE TABLE heads (
    count int8 PRIMARY KEY,
    link bytea NOT NULL,
    prev int8 UNIQUE
);
INSERT INTO ledger (format) VALUES (1);
INSERT INTO heads (count, link, prev) VALUES (0, decode(repeat('00', 32), 'hex'), NULL);
COMMENT ON TABLE ledger IS 'servanda ledger';
COMMENT ON TABLE records IS 'Each record of the ledger, by number';
COMMENT ON TABLE heads IS 'Where each append ended, apart from the records so that a lost tail is noticed';
";

/// What the table `ledger` says.
pub(super) struct Marker {
    /// The ledger's own id, which names its snapshots.
    pub id: String,
    /// How often records were erased.
    pub erasures: i64,
}

/// Whether there is a ledger in the schema.
///
/// # Errors
/// What the server says.
pub(super) fn is_there(pool: &Pool, patience: Duration) -> Result<bool, LogError> {
    pool.read_within(patience, "looking for the ledger", |session| {
        let row = session.one("SELECT to_regclass('ledger') IS NOT NULL", &[])?;
        Ok(row.get(0))
    })
}

/// Makes a ledger without records.
///
/// # Errors
/// What the server says; nothing was made.
pub(super) fn make(session: &mut Session, schema: &str) -> Result<(), LogError> {
    let statements = format!("BEGIN; CREATE SCHEMA IF NOT EXISTS {schema}; {TABLES} COMMIT;");
    let made = session.batch(&statements);
    made.map_err(|error| log_error("making the ledger's tables", &error))
}

/// Reads the marker.
///
/// # Errors
/// [`OpenError::NoLedger`], [`OpenError::NewerFormat`], [`OpenError::Log`].
pub(super) fn marker(pool: &Pool, patience: Duration, at: &Location) -> Result<Marker, OpenError> {
    if !is_there(pool, patience)? {
        return Err(OpenError::NoLedger(at.clone()));
    }
    let row = pool.read_within(patience, "reading the ledger's marker", |session| {
        session.optional("SELECT format, id::text, erasures FROM ledger", &[])
    })?;
    let damaged = || LogError::Damaged {
        what: "the table `ledger` is empty".to_owned(),
        resume: None,
    };
    let row = row.ok_or_else(damaged)?;
    let format: i32 = row.get(0);
    match u32::try_from(format) {
        Ok(found) if format > FORMAT => Err(OpenError::NewerFormat {
            found,
            known: FORMAT as u32,
        }),
        Ok(1..) => Ok(Marker {
            id: row.get(1),
            erasures: row.get(2),
        }),
        _ => Err(LogError::Damaged {
            what: format!("the table `ledger` names the format {format}"),
            resume: None,
        }
        .into()),
    }
}
