//! What followers are told. All that was recorded since the last beat is made into text once, and all followers share
//! its bytes.
//!
//! A follower that is somewhere else, because it begins earlier or was left behind, reads for itself until it stands
//! where a shared part begins.

use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;

use servanda_http::Bell;

/// How long new records wait at most until followers are told of them.
pub const BEAT: Duration = Duration::from_millis(100);

/// Records of a part.
pub const TOGETHER: u64 = 256;

/// Bytes of parts that are kept for followers who did not take them yet.
const KEPT: usize = 8 * 1024 * 1024;

/// What followers are told.
#[derive(Default)]
pub struct News {
    bell: Bell,
    told: RwLock<Told>,
}

#[derive(Default)]
struct Told {
    /// Up to which record followers were told.
    end: u64,
    /// How often the state had been read anew when that was read. What was told before may be what is to be forgotten.
    replays: u64,
    /// The newest parts, without a gap between them; the last one ends at `end`.
    parts: VecDeque<Part>,
    /// How many bytes they have.
    bytes: usize,
}

struct Part {
    from: u64,
    text: Bytes,
}

/// What there is for a follower.
#[derive(Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing yet.
    Nothing,
    /// The text of the next records, up to this one.
    Part(Bytes, u64),
    /// Records of which there is no shared text, up to this one.
    Records(u64),
}

impl News {
    /// Rings when there is more.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Up to which record followers were told.
    pub fn end(&self) -> u64 {
        self.told.read().unwrap_or_else(PoisonError::into_inner).end
    }

    /// Tells of the next records, up to `end`, with their text; without one everybody reads them. The text was made of a
    /// state that had been read anew so often.
    pub fn tell(&self, end: u64, replays: u64, text: Option<Bytes>) {
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        if told.replays != replays || text.is_none() {
            told.parts.clear();
            told.bytes = 0;
        }
        told.replays = replays;
        if let Some(text) = text {
            told.bytes += text.len();
            let from = told.end;
            told.parts.push_back(Part { from, text });
        }
        told.end = end;
        while told.bytes > KEPT {
            let gone = told.parts.pop_front();
            told.bytes -= gone.map_or(0, |part| part.text.len());
        }
    }

    /// What there is from a record on, where the state was read anew so often by now.
    pub fn from(&self, next: u64, replays: u64) -> There {
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
        if next >= told.end {
            return There::Nothing;
        }
        if told.replays != replays {
            return There::Records(told.end.min(next + TOGETHER));
        }
        let at = told.parts.partition_point(|part| part.from < next);
        let begins = |at: usize| told.parts.get(at).map_or(told.end, |part| part.from);
        match told.parts.get(at).filter(|part| part.from == next) {
            Some(part) => There::Part(part.text.clone(), begins(at + 1)),
            None => There::Records(begins(at).min(next + TOGETHER)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_elsewhere_reads_until_a_shared_part_begins() {
        let news = News::default();
        news.tell(1_000, 0, None);
        for (end, text) in [(1_003, "a"), (1_010, "b")] {
            news.tell(end, 0, Some(text.into()));
        }
        assert_eq!(news.from(1_000, 0), There::Part("a".into(), 1_003));
        assert_eq!(news.from(1_003, 0), There::Part("b".into(), 1_010));
        assert_eq!(news.from(1_010, 0), There::Nothing);
        assert_eq!(news.from(1_012, 0), There::Nothing);
        assert_eq!(news.from(1_001, 0), There::Records(1_003));
        assert_eq!(news.from(1_004, 0), There::Records(1_010));
        assert_eq!(news.from(10, 0), There::Records(10 + TOGETHER));
        assert_eq!(news.from(999, 0), There::Records(1_000));
        // A record was redacted: what was made before is shared no more.
        assert_eq!(news.from(1_003, 1), There::Records(1_010));
        news.tell(1_011, 1, Some("c".into()));
        assert_eq!(news.from(1_003, 1), There::Records(1_010));
        assert_eq!(news.from(1_010, 1), There::Part("c".into(), 1_011));
    }

    #[test]
    fn what_nobody_took_in_time_is_let_go() {
        let news = News::default();
        let text = Bytes::from(vec![b'x'; KEPT / 2]);
        for end in 1..=3 {
            news.tell(end, 0, Some(text.clone()));
        }
        assert_eq!(news.from(0, 0), There::Records(1));
        assert_eq!(news.from(1, 0), There::Part(text, 2));
    }
}
