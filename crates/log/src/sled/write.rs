//! Packs the records of an append into blocks and inserts them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::chain::check_batch;
use super::files::BLOCKS_PER_FLUSH;
use super::shared::{Open, Shared};
use crate::block::{self, Entry, Packer, note_small};
use crate::error::LogError;
use crate::source::BatchSource;
use servanda_core::chain::record::{Head, Sealed};

/// sled splits this many values off the end of a tree before they are in a node of their own.
const PLACES_AHEAD: usize = 20;

/// Inserts the records of an append in order, except the first value.
pub(super) struct Writer {
    shared: Arc<Shared>,
    packer: Packer,
    /// The first value, which is inserted last.
    pub(super) first: Option<Entry>,
    /// Values that wait until sled splits their node, and the number of them whose place is kept there.
    pub(super) waiting: VecDeque<Entry>,
    placed: usize,
    /// The first records of the small blocks at the end.
    pub(super) small: Vec<u64>,
    since_flush: usize,
}

impl Writer {
    /// Makes a writer; `first` is the number of the first record, `small` lists the small blocks before it.
    pub(super) fn new(shared: &Arc<Shared>, first: u64, small: Vec<u64>) -> Self {
        Self {
            shared: Arc::clone(shared),
            packer: Packer::new(first),
            first: None,
            waiting: VecDeque::new(),
            placed: 0,
            small,
            since_flush: 0,
        }
    }

    pub(super) fn trees(&self) -> Result<Open<'_>, LogError> {
        self.shared.opened()
    }

    pub(super) fn take(&mut self, batch: &[Sealed]) -> Result<(), LogError> {
        block::slices(batch).try_for_each(|record| self.push(record))
    }

    pub(super) fn push(&mut self, record: &[u8]) -> Result<(), LogError> {
        self.packer.push(record);
        self.insert_ready()
    }

    /// Inserts values at the moment when sled writes each only once.
    ///
    /// sled writes a node of 9 to 17 values anew after every 10 changes to it, and when it splits it. So for a long
    /// stream, empty values keep places ahead, at little cost. A value follows when so many later places are kept that
    /// its node was split and gets no other values.
    fn insert_ready(&mut self) -> Result<(), LogError> {
        while let Some(entry) = self.packer.pop() {
            note_small(&mut self.small, &entry);
            if self.first.is_none() {
                self.first = Some(entry);
                continue;
            }
            self.waiting.push_back(entry);
            if self.waiting.len() > PLACES_AHEAD {
                let trees = self.trees()?;
                for entry in self.waiting.iter().skip(self.placed) {
                    trees.insert(&entry.key(), Vec::new())?;
                }
                drop(trees);
                self.placed = PLACES_AHEAD;
                self.insert_next()?;
            }
        }
        Ok(())
    }

    /// Inserts the value that waited longest.
    fn insert_next(&mut self) -> Result<(), LogError> {
        let Some(entry) = self.waiting.pop_front() else {
            return Ok(());
        };
        self.trees()?.insert(&entry.key(), entry.value)?;
        self.since_flush += 1;
        if self.since_flush == BLOCKS_PER_FLUSH {
            self.shared.flush()?;
            self.since_flush = 0;
        }
        Ok(())
    }

    /// Inserts all waiting values, except the first.
    fn insert_rest(&mut self) -> Result<(), LogError> {
        self.packer.finish();
        self.insert_ready()?;
        while !self.waiting.is_empty() {
            self.insert_next()?;
        }
        Ok(())
    }

    /// Syncs all values, except the first.
    pub(super) fn sync_rest(&mut self) -> Result<(), LogError> {
        self.insert_rest()?;
        self.trees()?.sync()
    }

    /// Inserts all waiting values, the first value last, and syncs; gives the small blocks at the end.
    pub(super) fn end(mut self) -> Result<Vec<u64>, LogError> {
        self.insert_rest()?;
        if let Some(first) = self.first.take() {
            let trees = self.trees()?;
            trees.insert(&first.key(), first.value)?;
            trees.sync()?;
        }
        Ok(self.small)
    }
}

/// Checks the batches of a stream and sends them to the writer.
pub(super) fn feed(
    dir: &Path,
    source: &mut dyn BatchSource,
    batches: &SyncSender<Vec<Sealed>>,
    last: &mut Head,
) -> Result<(), LogError> {
    while let Some((batch, head)) = source.next_batch()? {
        check_batch(dir, *last, &batch, head)?;
        *last = head;
        if batches.send(batch).is_err() {
            // The writer returns the error that made it stop.
            return Ok(());
        }
    }
    Ok(())
}
