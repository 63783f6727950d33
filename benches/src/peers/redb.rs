//! redb with its default, immediate durability: a key a record.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Chain, Outcome, Peer, in_batches};

const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");

/// A database with one table.
pub struct Redb {
    database: Database,
    chain: Chain,
}

impl Redb {
    /// An empty one.
    pub fn create(dir: &Path) -> Outcome<Self> {
        Ok(Self {
            database: Database::create(dir.join("log.redb"))?,
            chain: Chain::default(),
        })
    }

    fn write(&mut self, batch: &[&[u8]]) -> Outcome<()> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(LOG)?;
            for payload in batch {
                let (number, bytes) = self.chain.bind(payload);
                table.insert(number, bytes.as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Peer for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn append(&mut self, payload: &[u8]) -> Outcome<()> {
        self.write(&[payload])
    }

    fn import(&mut self, payloads: &mut dyn Iterator<Item = Vec<u8>>) -> Outcome<()> {
        in_batches(payloads, |batch| {
            self.write(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>())
        })
    }

    fn verify(&mut self) -> Outcome<u64> {
        let mut chain = Chain::default();
        let transaction = self.database.begin_read()?;
        for entry in transaction.open_table(LOG)?.iter()? {
            chain.check(entry?.1.value())?;
        }
        chain.ends_like(&self.chain)
    }
}
