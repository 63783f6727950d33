//! fjall, persisted with `SyncData` after each batch: a key a record.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Chain, Outcome, Peer, in_batches};

/// A database with one keyspace.
pub struct Fjall {
    database: Database,
    log: Keyspace,
    chain: Chain,
}

impl Fjall {
    /// An empty one.
    pub fn create(dir: &Path) -> Outcome<Self> {
        let database = Database::builder(dir.join("fjall")).open()?;
        let log = database.keyspace("log", KeyspaceCreateOptions::default)?;
        Ok(Self {
            database,
            log,
            chain: Chain::default(),
        })
    }

    fn write(&mut self, batch: &[&[u8]]) -> Outcome<()> {
        let mut write = self.database.batch();
        for payload in batch {
            let (number, bytes) = self.chain.bind(payload);
            write.insert(&self.log, number.to_be_bytes(), bytes);
        }
        write.commit()?;
        Ok(self.database.persist(PersistMode::SyncData)?)
    }
}

impl Peer for Fjall {
    fn name(&self) -> &'static str {
        "fjall"
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
        for entry in self.log.iter() {
            chain.check(&entry.value()?)?;
        }
        chain.ends_like(&self.chain)
    }
}
