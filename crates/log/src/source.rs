//! The sources of an append: batches of sealed records, given one after the other.

use super::error::Aborted;
use servanda_core::chain::record::{Head, Sealed};

/// Records that follow each other, and the head after the last of them.
pub type Batch = (Vec<Sealed>, Head);

/// Gives the batches of one append.
pub trait BatchSource {
    /// Gives the next batch and the head after it; none at the end.
    ///
    /// # Errors
    /// [`Aborted`]: nothing of this source is to be appended. The source keeps the reason.
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted>;
}

/// A source of a single batch.
#[derive(Debug)]
pub struct OneBatch(Option<Batch>);

impl OneBatch {
    /// Makes a source of these records; `head` is the head after them.
    pub fn new(records: Vec<Sealed>, head: Head) -> Self {
        Self(Some((records, head)))
    }
}

impl BatchSource for OneBatch {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        Ok(self.0.take())
    }
}

/// A source without a batch: an append of it checks everything and writes nothing.
#[derive(Debug)]
pub struct NoBatch;

impl BatchSource for NoBatch {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        Ok(None)
    }
}

/// What a source holds, as far as two requests for a batch tell: a log appends a single batch and a long stream in
/// different ways.
pub enum Peeked<'a> {
    /// No batch.
    Nothing,
    /// Exactly one batch.
    One(Batch),
    /// Two batches or more.
    Many(Begun<'a>),
}

impl<'a> Peeked<'a> {
    /// Requests up to two batches of a source.
    ///
    /// # Errors
    /// [`Aborted`], where the source breaks off.
    pub fn at(source: &'a mut dyn BatchSource) -> Result<Self, Aborted> {
        let Some(first) = source.next_batch()? else {
            return Ok(Self::Nothing);
        };
        Ok(match source.next_batch()? {
            None => Self::One(first),
            Some(second) => Self::Many(Begun {
                begun: [first, second].into_iter(),
                rest: source,
            }),
        })
    }
}

/// A source whose first two batches were requested already: it gives them again.
pub struct Begun<'a> {
    begun: std::array::IntoIter<Batch, 2>,
    rest: &'a mut dyn BatchSource,
}

impl BatchSource for Begun<'_> {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        match self.begun.next() {
            Some(batch) => Ok(Some(batch)),
            None => self.rest.next_batch(),
        }
    }
}
