//! What an append costs: a write and a sync of the journal's file, and nothing of the backing log.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::file::{JournalFile, blank};
use super::medium::Medium;
use super::{Journal, SIZE};
use crate::faulty::Faulty;
use crate::log::Log as _;
use crate::memory::MemoryLog;
use crate::shared::Shared;
use crate::source::{BatchSource, OneBatch};
use crate::testing::batch;
use crate::{Aborted, Batch};
use servanda_core::chain::record::Head;

/// The numbers of writes and of syncs.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<(u64, u64)>>);

impl Medium for Counted {
    fn length(&self) -> io::Result<u64> {
        Ok(SIZE as u64)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let at = at as usize;
        bytes.copy_from_slice(&blank(SIZE, Head::EMPTY)[at..at + bytes.len()]);
        Ok(())
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().0 += 1;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.lock().unwrap().1 += 1;
        Ok(())
    }
}

/// Gives batches one by one.
struct Several(std::vec::IntoIter<Batch>);

impl BatchSource for Several {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        Ok(self.0.next())
    }
}

#[test]
fn a_small_batch_costs_one_frame_and_one_sync_and_a_stream_goes_to_the_backing_log() {
    let counted = Counted::default();
    let path = Path::new("journal");
    let (file, frames) = JournalFile::read(Box::new(counted.clone()), path).unwrap();
    let log = Shared::new(Faulty::new(MemoryLog::default()));
    let mut journal = Journal::over(log.clone(), Head::EMPTY, path, file, frames);
    let mut head = Head::EMPTY;
    // The first append asks whether the backing log takes any.
    for at in 1..4 {
        let (records, after) = batch(head, &[100, 200]);
        journal
            .append(head, &mut OneBatch::new(records, after))
            .unwrap();
        head = after;
        assert_eq!(*counted.0.lock().unwrap(), (at, at));
    }
    let steps = log.get().steps();
    let (records, after) = batch(head, &[7]);
    journal
        .append(head, &mut OneBatch::new(records, after))
        .unwrap();
    assert_eq!(log.get().steps(), steps);
    assert_eq!(log.get().inner().records().len(), 0);
    let (one, middle) = batch(after, &[1]);
    let (two, end) = batch(middle, &[2, 3]);
    let mut several = Several(vec![(one, middle), (two, end)].into_iter());
    assert_eq!(journal.append(after, &mut several).unwrap(), end);
    assert_eq!(log.get().inner().records().len(), 10);
}
