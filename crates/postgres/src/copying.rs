//! Appending by a copy: the fastest way into a table, for batches that are large and streams without an end in sight.

use std::io::{self, Write};

use super::session::Session;
use super::turn::{CLASS, Turns};
use servanda_core::chain::record::Head;
use servanda_log::{Aborted, BatchSource};

const COPY: &str = "COPY records (seq, sealed) FROM STDIN BINARY";

/// It tells whether somebody has asked for a turn.
const MOVE_HEAD: &str = "INSERT INTO heads (count, link, prev) \
    SELECT $1, $2, count FROM heads WHERE count = $3 AND link = $4 \
    RETURNING NOT pg_try_advisory_xact_lock_shared($5, $6)";

/// Where a stream broke off.
pub(super) enum Broken {
    /// The source gives no more.
    Source(Aborted),
    /// Before the commit.
    Before(postgres::Error),
    /// At the commit, which may have happened.
    Commit(postgres::Error),
    /// Before the commit, by the system.
    Line(io::Error),
}

impl From<postgres::Error> for Broken {
    fn from(error: postgres::Error) -> Self {
        Self::Before(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.downcast() {
            Ok(error) => Self::Before(error),
            Err(error) => Self::Line(error),
        }
    }
}

/// Bytes of rows that are sent together.
const TOGETHER: usize = 64 << 10;

/// What stands before the rows of a copy (its signature, no flags, no extension), and behind them.
const BEGIN: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: &[u8] = &(-1_i16).to_be_bytes();

/// Rows of a number and bytes, as the binary format of COPY has them, on their way.
struct Rows<W> {
    out: W,
    ready: Vec<u8>,
}

impl<W: Write> Rows<W> {
    fn to(out: W) -> Self {
        let mut ready = Vec::with_capacity(2 * TOGETHER);
        ready.extend_from_slice(BEGIN);
        Self { out, ready }
    }

    fn push(&mut self, seq: i64, bytes: &[u8]) -> io::Result<()> {
        let length = i32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.ready.extend_from_slice(&2_i16.to_be_bytes());
        self.ready.extend_from_slice(&8_i32.to_be_bytes());
        self.ready.extend_from_slice(&seq.to_be_bytes());
        self.ready.extend_from_slice(&length.to_be_bytes());
        self.ready.extend_from_slice(bytes);
        match self.ready.len() < TOGETHER {
            true => Ok(()),
            false => self.send(),
        }
    }

    fn send(&mut self) -> io::Result<()> {
        self.out.write_all(&self.ready)?;
        self.ready.clear();
        Ok(())
    }

    /// Sends the rest, and gives back what all of it was written to.
    fn end(mut self) -> io::Result<W> {
        self.ready.extend_from_slice(END);
        self.send()?;
        Ok(self.out)
    }
}

/// Copies the records of a source and moves the head; false if the head had moved, and then nothing is there.
pub(super) fn copy(
    session: &mut Session,
    expected: Head,
    source: &mut dyn BatchSource,
    turns: &mut Turns,
    end: &mut Head,
) -> Result<bool, Broken> {
    let (copying, moving) = (session.statement(COPY)?, session.statement(MOVE_HEAD)?);
    let mut transaction = session.transaction()?;
    let mut rows = Rows::to(transaction.copy_in(&copying)?);
    let mut seq = expected.count as i64;
    while let Some((records, after)) = source.next_batch().map_err(Broken::Source)? {
        for sealed in &records {
            rows.push(seq, &sealed.0)?;
            seq += 1;
        }
        *end = after;
    }
    rows.end()?.finish()?;
    let (count, prev) = (end.count as i64, expected.count as i64);
    let (link, prev_link) = (&end.link.0[..], &expected.link.0[..]);
    let moved = transaction.query_opt(
        &moving,
        &[&count, &link, &prev, &prev_link, &CLASS, &turns.ledger],
    )?;
    let Some(moved) = moved else {
        return Ok(false);
    };
    transaction.commit().map_err(Broken::Commit)?;
    turns.told(moved.get(0));
    Ok(true)
}
