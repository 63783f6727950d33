//! Reads records from the tree of blocks.

use std::iter::Peekable;
use std::sync::atomic::Ordering;

use ::sled::{IVec, Tree};

use super::files::damaged;
use super::trees::Trees;
use crate::block::{self, Value};
use crate::error::LogError;
use crate::log::Stored;
use servanda_core::chain::record::Sealed;

impl Trees {
    /// Reads about `limit` records from `from` on, up to `end`.
    pub(super) fn read(&self, from: u64, limit: usize, end: u64) -> Result<Vec<Stored>, LogError> {
        let Some(blocks) = self.blocks.get().filter(|_| from < end) else {
            return Ok(Vec::new());
        };
        let mut reading = Reading {
            trees: self,
            blocks,
            records: Vec::new(),
            end,
        };
        match reading.block(from, limit.max(1)) {
            Ok(()) => Ok(reading.records),
            // The next call returns the error.
            Err(_) if !reading.records.is_empty() => Ok(reading.records),
            Err(Stop { what, first }) => {
                let resume = reading.resume_after(first.max(from));
                Err(match what {
                    LogError::Damaged { what, .. } => damaged(what, resume),
                    io => io,
                })
            }
        }
    }
}

/// The state of one read.
pub(super) struct Reading<'a> {
    pub(super) trees: &'a Trees,
    pub(super) blocks: &'a Tree,
    pub(super) records: Vec<Stored>,
    pub(super) end: u64,
}

/// The error that stopped a read, and the first record of the block at which it did.
pub(super) struct Stop {
    pub(super) what: LogError,
    pub(super) first: u64,
}

/// A key and its value.
type Pair = (IVec, IVec);

impl Reading<'_> {
    pub(super) fn block(&mut self, from: u64, limit: usize) -> Result<(), Stop> {
        let start = self
            .start(from)
            .map_err(|what| Stop { what, first: from })?;
        let mut range = self.blocks.range(block::key(start, 0)..);
        let trees = self.trees;
        let next = || {
            trees
                .call("reading", || range.next().transpose())
                .transpose()
        };
        let mut values = std::iter::from_fn(next).peekable();
        let mut expected = start;
        while self.records.len() < limit {
            let stop = |what| Stop {
                what,
                first: expected,
            };
            let Some((key, value)) = values.next().transpose().map_err(stop)? else {
                break;
            };
            let (first, part) = trees.place(&key).map_err(stop)?;
            if first >= self.end {
                break;
            }
            trees.bytes_read.fetch_add(value.len(), Ordering::Relaxed);
            expected = self
                .take(first, part, &value, from, &mut values)
                .map_err(|why| Stop {
                    what: trees.damaged_block(first, &why, None),
                    first,
                })?;
        }
        Ok(())
    }

    /// The first record of the block in which `from` lies, or of the one after.
    pub(super) fn start(&self, from: u64) -> Result<u64, LogError> {
        let after = block::key(from, u16::MAX);
        let covering = self.trees.call("reading", || {
            self.blocks.range(..=after).next_back().transpose()
        })?;
        covering.map_or(Ok(from), |(key, _)| Ok(self.trees.place(&key)?.0))
    }

    /// Adds the records of one value, and of the parts that belong to it; gives the number after them.
    pub(super) fn take(
        &mut self,
        first: u64,
        part: u16,
        value: &[u8],
        from: u64,
        values: &mut Peekable<impl Iterator<Item = Result<Pair, LogError>>>,
    ) -> Result<u64, String> {
        if part != 0 {
            return Err(format!("part {part} stands without those before it"));
        }
        let (records, after) = match block::parse(value)? {
            Value::Block(records) => {
                let after = first + records.len() as u64;
                (records, after)
            }
            Value::Part { parts, bytes } => {
                let mut record = bytes.to_vec();
                for part in 1..parts {
                    record.extend_from_slice(&next_part(first, part, parts, values)?);
                }
                (vec![record.into()], first + 1)
            }
        };
        // An error of the next value is returned when that value is read.
        if let Some(Ok((key, _))) = values.peek()
            && block::parse_key(key).is_some_and(|(next, _)| next < after)
        {
            return Err("something else lies between its records".to_owned());
        }
        let wanted = from..self.end;
        let records = (first..).zip(records);
        let records = records.filter(|(seq, _)| wanted.contains(seq));
        self.records.extend(records.map(|(seq, bytes)| Stored {
            seq,
            sealed: Sealed(bytes),
        }));
        Ok(after)
    }

    /// Finds the first record behind `damaged` from which on blocks can be read. A page that sled cannot read hides
    /// many blocks, so this looks ahead in doubling steps, and back by halves.
    pub(super) fn resume_after(&self, damaged: u64) -> Option<u64> {
        let block_from = |number: u64| -> Result<Option<u64>, LogError> {
            let range = block::key(number, 0)..;
            let found = self
                .trees
                .call("reading", || self.blocks.range(range).next().transpose())?;
            let first = found.and_then(|(key, _)| Some(block::parse_key(&key)?.0));
            Ok(first.filter(|&first| first < self.end))
        };
        let last = self.end.checked_sub(1)?;
        let mut bad = damaged;
        let mut step = 1;
        let mut good = loop {
            let probe = bad.saturating_add(step).min(last);
            if probe <= bad {
                return None;
            }
            if block_from(probe).is_ok() {
                break probe;
            }
            bad = probe;
            step = step.saturating_mul(2);
        };
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            match block_from(middle) {
                Ok(_) => good = middle,
                Err(_) => bad = middle,
            }
        }
        block_from(good).ok().flatten()
    }
}

/// The bytes of the next part of a record.
fn next_part(
    first: u64,
    part: u16,
    parts: u16,
    values: &mut Peekable<impl Iterator<Item = Result<Pair, LogError>>>,
) -> Result<Vec<u8>, String> {
    let due = block::key(first, part);
    let found = values.next_if(|next| next.as_ref().map_or(true, |(key, _)| *key == due));
    let missing = || format!("part {part} of its {parts} parts is missing");
    let (_, value) = found
        .ok_or_else(missing)?
        .map_err(|error| error.to_string())?;
    match block::parse(&value)? {
        Value::Part { parts: same, bytes } if same == parts => Ok(bytes.to_vec()),
        _ => Err(format!("part {part} does not belong to its {parts} parts")),
    }
}
