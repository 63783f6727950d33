//! What servanda is compared with: stores that keep the same payloads, each bound to the one before by a hash.

pub mod file;

#[cfg(feature = "peers")]
pub mod batpak;
#[cfg(feature = "peers")]
pub mod fjall;
#[cfg(feature = "peers")]
pub mod git;
#[cfg(feature = "peers")]
pub mod redb;
#[cfg(feature = "peers")]
pub mod sqlite;

use std::path::Path;

/// Whatever goes wrong in a benchmark ends it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Payloads of one durable batch of an import.
pub const BATCH: usize = 1_000;

/// A log of payloads that is measured beside servanda.
pub trait Peer {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// Appends one payload; it is on the disk when this returns.
    fn append(&mut self, payload: &[u8]) -> Outcome<()>;

    /// Appends many, in durable batches of [`BATCH`].
    fn import(&mut self, _payloads: &mut dyn Iterator<Item = Vec<u8>>) -> Outcome<()> {
        Err("it is measured by single appends alone".into())
    }

    /// Reads everything and checks the chain. Gives the number of records.
    fn verify(&mut self) -> Outcome<u64> {
        Err("it is measured by single appends alone".into())
    }
}

/// Makes an empty peer in a directory.
pub type Make = fn(&Path) -> Outcome<Box<dyn Peer>>;

/// The peers, by name. The first is the floor: a plain file.
pub const PEERS: &[(&str, Make)] = &[
    ("file", |dir| Ok(Box::new(file::File::create(dir)?))),
    #[cfg(feature = "peers")]
    ("sqlite", |dir| Ok(Box::new(sqlite::Sqlite::create(dir)?))),
    #[cfg(feature = "peers")]
    ("redb", |dir| Ok(Box::new(redb::Redb::create(dir)?))),
    #[cfg(feature = "peers")]
    ("fjall", |dir| Ok(Box::new(fjall::Fjall::create(dir)?))),
    #[cfg(feature = "peers")]
    ("batpak", |dir| Ok(Box::new(batpak::Batpak::create(dir)?))),
    #[cfg(feature = "peers")]
    ("git", |dir| Ok(Box::new(git::Git::create(dir)?))),
];

/// A chain as peers have it that bring none: each link is the hash of the one before and the payload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chain {
    /// The number of the next payload.
    pub next: u64,
    /// The link of the last.
    pub link: [u8; 32],
}

impl Chain {
    /// Binds a payload: its number, and the bytes to store.
    pub fn bind(&mut self, payload: &[u8]) -> (u64, Vec<u8>) {
        let number = self.next;
        let mut bytes = self.link.to_vec();
        bytes.extend_from_slice(payload);
        self.link = *blake3::hash(&bytes).as_bytes();
        self.next += 1;
        (number, bytes)
    }

    /// Checks stored bytes.
    pub fn check(&mut self, bytes: &[u8]) -> Outcome<()> {
        if bytes.get(..32) != Some(&self.link[..]) {
            return Err(format!("record {}: its chain is broken", self.next).into());
        }
        self.link = *blake3::hash(bytes).as_bytes();
        self.next += 1;
        Ok(())
    }

    /// Whether a chain that was checked ends where the one that was written does.
    pub fn ends_like(&self, written: &Chain) -> Outcome<u64> {
        if self.link == written.link && self.next == written.next {
            Ok(self.next)
        } else {
            Err("the chain ends elsewhere".into())
        }
    }
}

/// Calls `write` with batches of payloads.
pub fn in_batches(
    payloads: &mut dyn Iterator<Item = Vec<u8>>,
    mut write: impl FnMut(Vec<Vec<u8>>) -> Outcome<()>,
) -> Outcome<()> {
    loop {
        let batch: Vec<Vec<u8>> = payloads.take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        write(batch)?;
    }
}
