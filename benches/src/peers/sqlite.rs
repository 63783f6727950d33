//! SQLite with a write-ahead log and `synchronous = FULL`: a row a record, each with the hash of the one before.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{Chain, Outcome, Peer, in_batches};

/// A database with one table.
pub struct Sqlite {
    connection: Connection,
    chain: Chain,
}

/// Opens the database of a directory, and makes its table.
pub fn connect(dir: &Path) -> Outcome<Connection> {
    let connection = Connection::open(dir.join("log.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    connection.execute(
        "CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
        [],
    )?;
    Ok(connection)
}

impl Sqlite {
    /// An empty one.
    pub fn create(dir: &Path) -> Outcome<Self> {
        Ok(Self {
            connection: connect(dir)?,
            chain: Chain::default(),
        })
    }
}

const INSERT: &str = "INSERT INTO log (seq, bytes) VALUES (?1, ?2)";

impl Peer for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn append(&mut self, payload: &[u8]) -> Outcome<()> {
        let (number, bytes) = self.chain.bind(payload);
        self.connection
            .prepare_cached(INSERT)?
            .execute(params![number as i64, bytes])?;
        Ok(())
    }

    fn import(&mut self, payloads: &mut dyn Iterator<Item = Vec<u8>>) -> Outcome<()> {
        in_batches(payloads, |batch| {
            let transaction = self.connection.transaction()?;
            {
                let mut insert = transaction.prepare_cached(INSERT)?;
                for payload in &batch {
                    let (number, bytes) = self.chain.bind(payload);
                    insert.execute(params![number as i64, bytes])?;
                }
            }
            Ok(transaction.commit()?)
        })
    }

    fn verify(&mut self) -> Outcome<u64> {
        let mut chain = Chain::default();
        let mut select = self
            .connection
            .prepare("SELECT bytes FROM log ORDER BY seq")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            chain.check(row.get_ref(0)?.as_blob()?)?;
        }
        chain.ends_like(&self.chain)
    }
}

/// One of many writers, each with a connection of its own: rows without a chain, which is less than the others do.
pub fn appender(
    dir: &Path,
    text: &'static str,
) -> Outcome<impl FnMut() -> Outcome<()> + Send + use<>> {
    let connection = connect(dir)?;
    Ok(move || {
        let mut insert = connection.prepare_cached("INSERT INTO log (bytes) VALUES (?1)")?;
        insert.execute(params![text.as_bytes()])?;
        Ok(())
    })
}
