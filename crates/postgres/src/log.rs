//! The log: appends, reads.

use std::sync::{Arc, Weak};

use postgres::types::ToSql;

use super::bell::{self, Bell, Listener};
use super::copying::{Broken, copy};
use super::failure::{Fate, fate, io_error, log_error};
use super::pool::{PATIENCE, Pool};
use super::session::{Parameters, Session};
use super::snapshots::Snapshots;
use super::turn::{CLASS, Turns};
use servanda_core::chain::record::{Hash, Head, Sealed};
use servanda_log::{
    AppendError, Batch, BatchSource, Erase, Log, LogError, Peeked, Reader, SnapshotCache, Stored,
    Watch,
};

/// How often an append that two writers kept each other from is tried again.
const ATTEMPTS: u32 = 8;

/// The most records of a batch that are sent as one statement; more are copied, for which the server takes a fraction of the
/// time for each, and more answers.
const STATEMENT_RECORDS: usize = 128;

/// Records for which it pays to begin with the copy while others are still checked.
const STREAM_RECORDS: usize = 512;

/// The most bytes of a batch that are sent as one statement.
const STATEMENT_BYTES: usize = 8 << 20;

/// Every append writes its records first and then the head, so that of two behind the same head the later one waits for the
/// number of its first record, and not each for what the other has. It tells whether somebody has asked for a turn.
const APPEND: &str = "WITH written AS (\
        INSERT INTO records (seq, sealed) \
        SELECT count + at - 1, sealed FROM heads, unnest($5::bytea[]) WITH ORDINALITY AS given (sealed, at) \
        WHERE count = $3 AND link = $4 RETURNING seq) \
    INSERT INTO heads (count, link, prev) SELECT $1, $2, min(seq) FROM written HAVING count(*) > 0 \
    RETURNING NOT pg_try_advisory_xact_lock_shared($6, $7)";

/// As [`APPEND`], of one record: without a list, the server takes a twentieth less of the time.
const APPEND_ONE: &str = "WITH written AS (\
        INSERT INTO records (seq, sealed) SELECT count, $5 FROM heads WHERE count = $3 AND link = $4 RETURNING seq) \
    INSERT INTO heads (count, link, prev) SELECT $1, $2, seq FROM written \
    RETURNING NOT pg_try_advisory_xact_lock_shared($6, $7)";

/// The most records that are read as one row, which has less than 1 GiB: a record has less than 1 MiB.
const TOGETHER: usize = 1024;

const HEAD: &str = "SELECT count, link FROM heads ORDER BY count DESC LIMIT 1";

/// Looks for a head, in a transaction that writes to the write-ahead log and nowhere else, so that its end waits for the
/// standbys as an append does: they have all that was there before it then. A transaction that only has a number waits
/// for nobody.
const CONFIRM: &str = "SELECT pg_logical_emit_message(true, 'servanda', '')::text, \
    EXISTS (SELECT FROM heads WHERE count = $1 AND link = $2)";

/// Reads records as one row, so that neither side handles a row for each.
const READ: &str = "SELECT array_agg(seq), array_agg(length(sealed)), string_agg(sealed, '') \
    FROM (SELECT seq, sealed FROM records WHERE seq >= $1 ORDER BY seq LIMIT $2) AS found";

/// A log in PostgreSQL.
pub(super) struct PostgresLog {
    pub(super) pool: Arc<Pool>,
    pub(super) cache: Option<Snapshots>,
    channel: String,
    bell: Bell,
    turns: Turns,
}

impl PostgresLog {
    /// The log that a pool leads to, with this id. Its processes hear of each other on a channel.
    pub fn new(pool: Arc<Pool>, cache: Option<Snapshots>, id: &str) -> Self {
        let channel = bell::channel(id);
        Self {
            pool,
            cache,
            bell: Bell::new(channel.clone()),
            channel,
            turns: Turns::of(id),
        }
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} at {}", self.pool.address.name)
    }

    /// Takes a connection for an append.
    fn to_append(&self) -> Result<Session, LogError> {
        let session = self.pool.take(PATIENCE)?;
        match session.syncs {
            true => Ok(session),
            false => Err(io_error(
                self.doing("appending"),
                "the server runs with fsync = off: what it acknowledges is not on the disk",
            )),
        }
    }

    /// Tells that the head is another one, if it is.
    fn expect(&self, expected: Head) -> Result<(), AppendError> {
        let found = self.head()?;
        match found == expected {
            true => Ok(()),
            false => Err(AppendError::HeadMoved(found)),
        }
    }

    /// Appends one batch by one statement.
    fn append_batch(&mut self, expected: Head, batch: &Batch) -> Result<Head, AppendError> {
        let (records, end) = batch;
        let records: Vec<&[u8]> = records.iter().map(|sealed| &sealed.0[..]).collect();
        let (append, records): (_, &(dyn ToSql + Sync)) = match &records[..] {
            [one] => (APPEND_ONE, one),
            _ => (APPEND, &records),
        };
        let (count, prev) = (number(end.count)?, number(expected.count)?);
        let (link, prev_link) = (&end.link.0[..], &expected.link.0[..]);
        let ledger = self.turns.ledger;
        for _ in 0..ATTEMPTS {
            let mut session = self.to_append()?;
            session.warned();
            let given: Parameters<'_> =
                &[&count, &link, &prev, &prev_link, records, &CLASS, &ledger];
            match session.optional(append, given) {
                Ok(_) if session.warned() => {
                    self.pool.give(session);
                    return Err(self.unconfirmed());
                }
                Ok(None) => {
                    self.pool.give(session);
                    self.expect(expected)?;
                }
                Ok(Some(told)) => {
                    self.turns.told(told.get(0));
                    self.pool.give(session);
                    return Ok(*end);
                }
                Err(error) => {
                    if let Some(head) = self.failed(session, &error, expected, *end)? {
                        return Ok(head);
                    }
                }
            }
        }
        Err(self.crowded())
    }

    /// What a failed append means: the head where it happened after all, none where it can be tried again.
    fn failed(
        &self,
        session: Session,
        error: &postgres::Error,
        expected: Head,
        end: Head,
    ) -> Result<Option<Head>, AppendError> {
        let told = log_error(self.doing("appending"), error);
        match fate(error) {
            Fate::Refused => {
                if !super::failure::ends_session(error) {
                    self.pool.give(session);
                }
                Err(AppendError::Failed(told))
            }
            Fate::Conflict | Fate::SentBack => {
                self.pool.give(session);
                self.expect(expected).map(|()| None)
            }
            Fate::Unknown => {
                self.pool.doubt(session);
                match self.confirm(end) {
                    Ok(()) => Ok(Some(end)),
                    Err(AppendError::HeadMoved(found)) if found == expected => Ok(None),
                    Err(AppendError::Failed(_)) => Err(AppendError::Uncertain(told)),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Somebody cancelled the wait for the standbys: the append is kept by one server and may be lost with it.
    fn unconfirmed(&self) -> AppendError {
        AppendError::Unconfirmed(io_error(
            self.doing("appending"),
            "the wait for the standbys was cancelled",
        ))
    }

    fn crowded(&self) -> AppendError {
        let why = format!("other writers came first {ATTEMPTS} times");
        AppendError::Failed(io_error(self.doing("appending"), why))
    }

    /// Appends a stream by copying it, in one transaction.
    fn append_stream(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let mut session = self.to_append()?;
        session.warned();
        let mut end = expected;
        let outcome = copy(&mut session, expected, source, &mut self.turns, &mut end);
        match outcome {
            Ok(true) if session.warned() => {
                self.pool.give(session);
                Err(self.unconfirmed())
            }
            Ok(true) => {
                self.pool.give(session);
                Ok(end)
            }
            Ok(false) => {
                self.pool.give(session);
                Err(AppendError::HeadMoved(self.head()?))
            }
            Err(Broken::Source(aborted)) => {
                self.pool.give(session);
                Err(aborted.into())
            }
            Err(Broken::Line(error)) => {
                drop(session);
                Err(AppendError::Failed(io_error(
                    self.doing("appending"),
                    error.to_string(),
                )))
            }
            // Before the commit nothing can have happened.
            Err(Broken::Before(error)) => {
                let told = log_error(self.doing("appending"), &error);
                match fate(&error) {
                    Fate::Unknown => drop(session),
                    _ => self.pool.give(session),
                }
                self.expect(expected)?;
                Err(AppendError::Failed(told))
            }
            Err(Broken::Commit(error)) => match self.failed(session, &error, expected, end)? {
                Some(head) => Ok(head),
                None => Err(AppendError::Failed(log_error(
                    self.doing("appending"),
                    &error,
                ))),
            },
        }
    }
}

/// A count as the database has it.
fn number(count: u64) -> Result<i64, LogError> {
    i64::try_from(count)
        .map_err(|_| io_error("appending", "the ledger has no room for more records"))
}

fn head(pool: &Pool) -> Result<Head, LogError> {
    let row = pool.read("reading the head", |session| session.optional(HEAD, &[]))?;
    let damaged = |what: &str| LogError::Damaged {
        what: what.to_owned(),
        resume: None,
    };
    let row = row.ok_or_else(|| damaged("the table `heads` is empty"))?;
    let count = u64::try_from(row.get::<_, i64>(0));
    let link = <[u8; 32]>::try_from(row.get::<_, &[u8]>(1));
    match (count, link) {
        (Ok(count), Ok(link)) => Ok(Head {
            count,
            link: Hash(link),
        }),
        _ => Err(damaged("the table `heads` ends with a row that is no head")),
    }
}

fn read(pool: &Pool, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
    let Ok(from) = i64::try_from(from) else {
        return Ok(Vec::new());
    };
    let limit = i64::try_from(limit.clamp(1, TOGETHER)).unwrap_or(1);
    let row = pool.read("reading records", |session| {
        session.one(READ, &[&from, &limit])
    })?;
    let Some(seqs) = row.get::<_, Option<Vec<i64>>>(0) else {
        return Ok(Vec::new());
    };
    let lengths = row.get::<_, Vec<i32>>(1);
    let all = Sealed::from(row.get::<_, Vec<u8>>(2)).0;
    let mut end = 0;
    let stored = seqs.into_iter().zip(lengths).map(|(seq, length)| {
        let begin = end;
        // Neither is negative: the first is at least `from`.
        end += length as usize;
        Stored {
            seq: seq as u64,
            sealed: Sealed(all.slice(begin..end)),
        }
    });
    Ok(stored.collect())
}

/// Reads for as long as the log is open.
struct OfPool(Weak<Pool>);

impl Reader for OfPool {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let pool = self.0.upgrade().ok_or_else(LogError::closed)?;
        read(&pool, from, limit)
    }
}

impl Log for PostgresLog {
    fn head(&self) -> Result<Head, LogError> {
        head(&self.pool)
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        if self.turns.hold_back(&self.pool) {
            self.expect(expected)?;
        }
        let appended = match Peeked::at(source)? {
            Peeked::Nothing => {
                self.expect(expected)?;
                self.pool.give(self.to_append()?);
                return Ok(expected);
            }
            Peeked::One(batch) if is_short(&batch) => self.append_batch(expected, &batch),
            Peeked::One((records, head)) => {
                let mut one = servanda_log::OneBatch::new(records, head);
                self.append_stream(expected, &mut one)
            }
            Peeked::Many(mut stream) => self.append_stream(expected, &mut stream),
        };
        if matches!(appended, Ok(_) | Err(AppendError::Unconfirmed(_))) {
            self.bell.ring(&self.pool);
        }
        appended
    }

    /// What was under way has ended before a connection is there to ask with. Its wait for the standbys may have ended
    /// with it, so that its records may be here and nowhere else: the statement waits for them.
    fn confirm(&self, head: Head) -> Result<(), AppendError> {
        let (count, link) = (number(head.count)?, &head.link.0[..]);
        let doing = "waiting for the standbys";
        let (is_there, is_confirmed) = self.pool.read(doing, |session| {
            session.warned();
            let row = session.one(CONFIRM, &[&count, &link])?;
            Ok((row.get(1), !session.warned()))
        })?;
        match (is_there, is_confirmed) {
            (true, true) => Ok(()),
            (true, false) => Err(self.unconfirmed()),
            (false, _) => Err(AppendError::HeadMoved(self.head()?)),
        }
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        read(&self.pool, from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(OfPool(Arc::downgrade(&self.pool)))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn ask_for_turn(&mut self) {
        self.turns.ask(&self.pool);
    }

    fn end_turn(&mut self) {
        self.turns.end(&self.pool);
    }

    fn streams_from(&self) -> Option<usize> {
        Some(STREAM_RECORDS)
    }

    fn watcher(&self) -> Option<Box<dyn Watch>> {
        Some(Box::new(Listener::new(&self.pool, self.channel.clone())))
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        let cache = self.cache.as_ref()?;
        Some(cache)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        Some(self)
    }
}

/// Whether a batch is sent as one statement.
fn is_short((records, _): &Batch) -> bool {
    let bytes: usize = records.iter().map(|sealed| sealed.0.len()).sum();
    records.len() <= STATEMENT_RECORDS && bytes <= STATEMENT_BYTES
}
