//! The floor: a plain file that is appended to and synced with `fdatasync`. Each record is its length and its bytes.

use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{Chain, Outcome, Peer, in_batches};

/// A plain file.
pub struct File {
    path: PathBuf,
    file: std::fs::File,
    chain: Chain,
}

impl File {
    /// An empty one.
    pub fn create(dir: &Path) -> Outcome<Self> {
        let path = dir.join("log");
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)?;
        Ok(Self {
            path,
            file,
            chain: Chain::default(),
        })
    }

    fn frame(&mut self, payload: &[u8], frames: &mut Vec<u8>) -> Outcome<()> {
        let (_, bytes) = self.chain.bind(payload);
        frames.extend_from_slice(&u32::try_from(bytes.len())?.to_le_bytes());
        frames.extend_from_slice(&bytes);
        Ok(())
    }
}

impl Peer for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn append(&mut self, payload: &[u8]) -> Outcome<()> {
        let mut frame = Vec::with_capacity(payload.len() + 36);
        self.frame(payload, &mut frame)?;
        self.file.write_all(&frame)?;
        Ok(self.file.sync_data()?)
    }

    fn import(&mut self, payloads: &mut dyn Iterator<Item = Vec<u8>>) -> Outcome<()> {
        in_batches(payloads, |batch| {
            let mut frames = Vec::new();
            for payload in &batch {
                self.frame(payload, &mut frames)?;
            }
            self.file.write_all(&frames)?;
            Ok(self.file.sync_data()?)
        })
    }

    fn verify(&mut self) -> Outcome<u64> {
        let mut input = BufReader::with_capacity(1 << 20, std::fs::File::open(&self.path)?);
        let mut chain = Chain::default();
        let mut bytes = Vec::new();
        while chain.next < self.chain.next {
            let mut length = [0; 4];
            input.read_exact(&mut length)?;
            bytes.resize(u32::from_le_bytes(length) as usize, 0);
            input.read_exact(&mut bytes)?;
            chain.check(&bytes)?;
        }
        chain.ends_like(&self.chain)
    }
}

/// A plain file that many threads append to. Whoever comes while another syncs waits, and the next sync is for all who
/// wait: group commit as simple as it gets.
pub struct Shared {
    file: std::fs::File,
    state: Mutex<State>,
    synced: Condvar,
}

#[derive(Default)]
struct State {
    chain: Chain,
    /// What is to be written by the next sync.
    frames: Vec<u8>,
    /// Number of the next sync, and of the last that is done.
    next: u64,
    done: u64,
    is_syncing: bool,
}

impl Shared {
    /// An empty one.
    pub fn create(dir: &Path) -> Outcome<Arc<Self>> {
        let path = dir.join("shared");
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)?;
        let state = State {
            next: 1,
            ..State::default()
        };
        Ok(Arc::new(Self {
            file,
            state: Mutex::new(state),
            synced: Condvar::new(),
        }))
    }

    /// Appends one payload; it is on the disk when this returns.
    pub fn append(&self, payload: &[u8]) -> Outcome<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, bytes) = state.chain.bind(payload);
        let length = u32::try_from(bytes.len())?.to_le_bytes();
        state.frames.extend_from_slice(&length);
        state.frames.extend_from_slice(&bytes);
        let mine = state.next;
        while state.done < mine {
            if state.is_syncing {
                state = self
                    .synced
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.is_syncing = true;
            let frames = std::mem::take(&mut state.frames);
            let sync = state.next;
            state.next += 1;
            drop(state);
            (&self.file).write_all(&frames)?;
            self.file.sync_data()?;
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.done = sync;
            state.is_syncing = false;
            self.synced.notify_all();
        }
        Ok(())
    }
}

/// A file of fixed length that was written before: an append writes over its zeros, a page each. What a durable append
/// can cost at least.
pub struct Prewritten {
    file: std::fs::File,
    chain: Chain,
    /// The page of the next append.
    page: u64,
}

const PAGE: usize = 4_096;
const PAGES: u64 = 1_024;

impl Prewritten {
    /// One of 4 MiB.
    pub fn create(dir: &Path) -> Outcome<Self> {
        let path = dir.join("prewritten");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)?;
        for _ in 0..PAGES {
            file.write_all(&[0; PAGE])?;
        }
        file.sync_all()?;
        Ok(Self {
            file,
            chain: Chain::default(),
            page: 0,
        })
    }
}

impl Peer for Prewritten {
    fn name(&self) -> &'static str {
        "prewritten"
    }

    fn append(&mut self, payload: &[u8]) -> Outcome<()> {
        let (_, bytes) = self.chain.bind(payload);
        let mut frame = u32::try_from(bytes.len())?.to_le_bytes().to_vec();
        frame.extend_from_slice(&bytes);
        frame.resize(PAGE.max(frame.len()), 0);
        self.file.seek(SeekFrom::Start(self.page * PAGE as u64))?;
        self.file.write_all(&frame)?;
        self.file.sync_data()?;
        self.page = (self.page + 1) % PAGES;
        Ok(())
    }
}
