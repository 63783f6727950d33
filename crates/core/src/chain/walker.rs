//! Whether a record continues a chain. Replay, verify, recovery and the logs ask here, and nowhere else.
//!
//! The rules are those of `docs/format.md`: numbers without gaps, the link of the record before, batches that count
//! down to 0, times that never go back, and asserted times only at the beginning.

use super::record::{Hash, Head, Header};

/// A walk along a chain: what is known of the records so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walker {
    head: Head,
    /// What the next header is compared with beside the head; none before the first record, and where the header of the
    /// last one is not known.
    last: Option<Last>,
}

/// What the next header is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    remaining: u32,
    recorded_at: i64,
    asserted: bool,
}

/// A record that continues the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whether it is the last record of its batch.
    pub ends_batch: bool,
}

/// Why a record does not continue a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It has another number.
    #[error("it says that it is record {says}")]
    Number {
        /// The number that comes next.
        expected: u64,
        /// The number in its header.
        says: u64,
    },
    /// It holds another link than that of the record before.
    #[error("it does not hold the link of the record before")]
    Link {
        /// The link of the record before; zeros before the first.
        expected: Hash,
        /// The link in its header.
        found: Hash,
    },
    /// It is not the next record of the batch that was begun.
    #[error("{expected} more records of its batch should follow it, and it says {found}")]
    Batch {
        /// How many records should follow it in its batch.
        expected: u32,
        /// How many its header says.
        found: u32,
    },
    /// It was recorded before its predecessor.
    #[error("it was recorded before its predecessor")]
    Clock {
        /// When its predecessor was recorded: microseconds since 1970 in UTC.
        not_before: i64,
        /// When its header says that it was recorded.
        found: i64,
    },
    /// Its time is asserted, though the backfill ended before.
    #[error("its time is asserted, and the backfill ended before")]
    Asserted,
}

impl Flaw {
    /// Whether the record is not bound to the one before it. Else it is the record that was appended there, and what it
    /// says of itself is wrong.
    pub fn breaks_the_chain(&self) -> bool {
        matches!(self, Self::Number { .. } | Self::Link { .. })
    }
}

impl Walker {
    /// Before the first record.
    pub const START: Walker = Walker {
        head: Head::EMPTY,
        last: None,
    };

    /// Behind a head whose last header is not at hand: of the next record only its number and link are compared.
    pub fn behind(head: Head) -> Self {
        Self { head, last: None }
    }

    /// Behind a record, which has this link.
    pub fn after(header: &Header, link: Hash) -> Self {
        Self {
            head: Head {
                count: header.seq.saturating_add(1),
                link,
            },
            last: Some(Last {
                remaining: header.remaining,
                recorded_at: header.recorded_at,
                asserted: header.asserted,
            }),
        }
    }

    /// The head that the walk has come to.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How many records the last batch still lacks.
    pub fn remaining(&self) -> u32 {
        self.last.map_or(0, |last| last.remaining)
    }

    /// When the last record was recorded; none where that is not known.
    pub fn recorded_at(&self) -> Option<i64> {
        self.last.map(|last| last.recorded_at)
    }

    /// What is wrong with the header that comes next, in the order of [`Flaw`]'s variants.
    pub fn flaws(&self, next: &Header) -> impl Iterator<Item = Flaw> + use<> {
        let Head { count, link } = self.head;
        let number = (next.seq != count).then_some(Flaw::Number {
            expected: count,
            says: next.seq,
        });
        let chained = (next.prev != link).then_some(Flaw::Link {
            expected: link,
            found: next.prev,
        });
        let [batch, clock, asserted] = match self.last {
            None => [None; 3],
            Some(last) => last.flaws(next),
        };
        [number, chained, batch, clock, asserted]
            .into_iter()
            .flatten()
    }

    /// Whether a header comes next.
    pub fn continues(&self, next: &Header) -> bool {
        self.flaws(next).next().is_none()
    }

    /// Goes on to the next record, whose header has this link.
    ///
    /// # Errors
    /// The first [`Flaw`]; the walk is where it was then.
    pub fn step(&mut self, next: &Header, link: Hash) -> Result<Step, Flaw> {
        match self.flaws(next).next() {
            Some(flaw) => Err(flaw),
            None => Ok(self.take(next, link)),
        }
    }

    /// Goes on to a record although it may have flaws.
    pub fn take(&mut self, next: &Header, link: Hash) -> Step {
        *self = Self::after(next, link);
        Step {
            ends_batch: next.remaining == 0,
        }
    }
}

impl Last {
    fn flaws(&self, next: &Header) -> [Option<Flaw>; 3] {
        let due = self.remaining.checked_sub(1);
        let batch = due.filter(|due| *due != next.remaining);
        [
            batch.map(|expected| Flaw::Batch {
                expected,
                found: next.remaining,
            }),
            (next.recorded_at < self.recorded_at).then_some(Flaw::Clock {
                not_before: self.recorded_at,
                found: next.recorded_at,
            }),
            (next.asserted && !self.asserted).then_some(Flaw::Asserted),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::record::{Body, SALT_LEN};
    use crate::chain::testing::bind_bodies;

    /// The headers of two batches, of two records and one.
    fn headers() -> Vec<Header> {
        let body = || Body {
            salt: [0; SALT_LEN],
            payload: Vec::new(),
        };
        let (first, head) = bind_bodies(Head::EMPTY, 5, vec![body(), body()]);
        let (second, _) = bind_bodies(head, 7, vec![body()]);
        let records = first.into_iter().chain(second);
        records.map(|record| record.header).collect()
    }

    #[test]
    fn a_whole_chain_is_walked_to_its_head() {
        let mut walker = Walker::START;
        let steps: Vec<bool> = headers()
            .iter()
            .map(|header| walker.step(header, header.link()).unwrap().ends_batch)
            .collect();
        assert_eq!(steps, [false, true, true]);
        assert_eq!(walker.head(), Head::after(&headers()[2]));
        assert_eq!((walker.remaining(), walker.recorded_at()), (0, Some(7)));
    }

    #[test]
    fn each_flaw_is_found_and_the_walk_stays() {
        let all = headers();
        let walker = Walker::after(&all[0], all[0].link());
        let link = all[0].link();
        type Change = fn(&mut Header);
        let cases: [(Change, Flaw); 5] = [
            (
                |header| header.seq = 4,
                Flaw::Number {
                    expected: 1,
                    says: 4,
                },
            ),
            (
                |header| header.prev = Hash([9; 32]),
                Flaw::Link {
                    expected: link,
                    found: Hash([9; 32]),
                },
            ),
            (
                |header| header.remaining = 3,
                Flaw::Batch {
                    expected: 0,
                    found: 3,
                },
            ),
            (
                |header| header.recorded_at = 4,
                Flaw::Clock {
                    not_before: 5,
                    found: 4,
                },
            ),
            (|header| header.asserted = true, Flaw::Asserted),
        ];
        for (change, flaw) in cases {
            let mut next = all[1];
            change(&mut next);
            let mut walked = walker;
            assert_eq!(walked.step(&next, next.link()), Err(flaw));
            assert_eq!(walked, walker);
            let all: Vec<Flaw> = walker.flaws(&next).collect();
            assert_eq!(all, [flaw]);
        }
        assert!(walker.continues(&all[1]));
    }

    #[test]
    fn a_new_batch_may_have_any_length_and_an_unknown_past_any_time() {
        let all = headers();
        let mut next = all[2];
        next.remaining = 8;
        assert!(Walker::after(&all[1], all[1].link()).continues(&next));
        next.recorded_at = i64::MIN;
        assert!(Walker::behind(Head::after(&all[1])).continues(&next));
    }
}
