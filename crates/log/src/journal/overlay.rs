//! The frames of the journal that the backing log does not have.

use std::collections::VecDeque;

use super::frame::{self, Frame};
use crate::Stored;
use servanda_core::chain::record::{Head, Record, Sealed};

/// Frames that are not in the backing log yet.
#[derive(Debug)]
pub(super) struct Overlay {
    /// The head of the backing log.
    base: Head,
    /// Each ends after the one before. The first may begin before the base, if the backing log has a part of it; no
    /// other overlaps the one before, unless it was forged.
    frames: VecDeque<Frame>,
    /// The bytes that the frames take in the journal.
    room: usize,
}

impl Overlay {
    /// Picks the frames that a log with this head still needs; `frames` are in the order of their numbers.
    pub(super) fn new(base: Head, frames: Vec<Frame>) -> Self {
        let mut overlay = Self {
            base,
            frames: VecDeque::new(),
            room: 0,
        };
        for frame in frames {
            let last = overlay.frames.back().map_or(base, |last| last.head);
            if frame.head.count > last.count {
                overlay.push(frame);
            }
        }
        overlay
    }

    /// The head of the backing log.
    pub(super) fn base(&self) -> Head {
        self.base
    }

    /// The bytes that the frames take in the journal.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Adds a frame that was written.
    pub(super) fn push(&mut self, frame: Frame) {
        self.room += frame::room(&frame.records);
        self.frames.push_back(frame);
    }

    /// The head up to which the frames continue the backing log without a gap.
    pub(super) fn end(&self) -> Head {
        let mut end = self.base;
        for frame in &self.frames {
            if !follows(frame, end) {
                break;
            }
            end = frame.head;
        }
        end
    }

    /// Copies all records that continue the base, and gives the head after them. The copy lets readers go on during a
    /// flush.
    pub(super) fn pending(&self) -> Option<(Vec<Sealed>, Head)> {
        let head = self.frames.back()?.head;
        let records = self.records_from(self.base.count);
        Some((records.map(|(_, sealed)| sealed.clone()).collect(), head))
    }

    /// Drops the frames that a backing log with this head has; false if the head is not on the chain of these frames.
    pub(super) fn advance(&mut self, base: Head) -> bool {
        let at = self
            .frames
            .partition_point(|frame| frame.head.count < base.count);
        let fits = match self.frames.get(at) {
            _ if base == self.base => true,
            Some(frame) if frame.head.count == base.count => frame.head == base,
            Some(frame) => follows(frame, base),
            None => false,
        };
        if fits {
            self.base = base;
            while let Some(done) = self
                .frames
                .pop_front_if(|frame| frame.head.count <= base.count)
            {
                self.room -= frame::room(&done.records);
            }
        }
        fits
    }

    /// Reads at most `limit` records from this place on.
    pub(super) fn read(&self, from: u64, limit: usize) -> Vec<Stored> {
        let records = self.records_from(from.max(self.base.count));
        let records = records.take(limit);
        records
            .map(|(seq, sealed)| Stored {
                seq,
                sealed: sealed.clone(),
            })
            .collect()
    }

    fn records_from(&self, from: u64) -> impl Iterator<Item = (u64, &Sealed)> {
        let at = self
            .frames
            .partition_point(|frame| frame.head.count <= from);
        let frames = self.frames.range(at..);
        let records = frames.flat_map(|frame| frame.records.iter().zip(frame.expected.count..));
        // Ascending also if forged frames overlap; otherwise a reader would not come to an end.
        let mut next = from;
        records.filter_map(move |(sealed, seq)| {
            let is_next = seq >= next;
            next = next.max(seq + 1);
            is_next.then_some((seq, sealed))
        })
    }
}

/// Whether a frame continues this head, which may be within it.
fn follows(frame: &Frame, head: Head) -> bool {
    let Some(inside) = head.count.checked_sub(frame.expected.count) else {
        return false;
    };
    let Some(before) = inside.checked_sub(1) else {
        return frame.expected == head;
    };
    let last = usize::try_from(before)
        .ok()
        .and_then(|at| frame.records.get(at));
    let last = last.and_then(|sealed| Record::open(sealed).ok());
    last.is_some_and(|last| Head::after(&last.header) == head)
}
