//! Snapshots: states kept beside the records, so that a long ledger need not be replayed from its start. They can be
//! dropped at any time, and are never believed: one that is damaged, of another version or of another chain is passed over,
//! and `verify` compares each with what replay gives. A page that turns out damaged when it is asked for is made anew by a
//! replay.
//!
//! Bytes: version (1), and pages: the tables of the state, the blocks of the definitions. Their root, little endian: link of
//! the last record (32), the number of records (8), the time of the last one (8), length of the tree (4), the tree with its
//! tiles, length of the open definitions (4), these, the root of the state.

use std::sync::Arc;

use super::definitions::{Definitions, Library};
use super::error::LedgerError;
use super::records;
use super::replayed::{KnownAt, Replayed};
use servanda_core::archive;
use servanda_core::chain::record::{Hash, Head, Record};
use servanda_core::chain::tree::Tiled;
use servanda_core::pages::{PageWriter, Pages, Remake, Source};
use servanda_core::state::State;
use servanda_core::value::when::Instant;
use servanda_log::Log;

const VERSION: u8 = 7;

/// What a snapshot holds.
pub(super) struct Parts<'a> {
    pub head: Head,
    pub last_recorded: Instant,
    pub state: &'a State,
    pub tree: &'a Tiled,
    pub definitions: &'a Definitions,
}

impl Replayed {
    /// What a snapshot of it holds.
    pub(super) fn parts(&self) -> Parts<'_> {
        Parts {
            head: self.head,
            last_recorded: self.last_recorded,
            state: &self.state,
            tree: &self.tree,
            definitions: &self.definitions,
        }
    }
}

/// The bytes of a snapshot.
pub fn encode(replayed: &Replayed) -> Vec<u8> {
    let mut bytes = Vec::new();
    each_piece(&replayed.parts(), &mut |piece| {
        bytes.extend_from_slice(piece)
    });
    bytes
}

/// Gives the bytes of a snapshot away piece by piece: they are many beside a large state.
pub(super) fn each_piece(replayed: &Parts<'_>, give: &mut dyn FnMut(&[u8])) {
    give(&[VERSION]);
    let mut to = PageWriter::new(give);
    let state = replayed.state.write_pages(&mut to);
    let definitions = replayed.definitions.write_pages(&mut to);
    let tree = replayed.tree.to_bytes();
    let mut root = replayed.head.link.0.to_vec();
    root.extend_from_slice(&replayed.head.count.to_le_bytes());
    root.extend_from_slice(&replayed.last_recorded.0.to_le_bytes());
    // A root for each 4,096 records, of which there are fewer than 2^32.
    root.extend_from_slice(&(tree.len() as u32).to_le_bytes());
    root.extend_from_slice(&tree);
    root.extend_from_slice(&(definitions.len() as u32).to_le_bytes());
    root.extend_from_slice(definitions);
    root.extend_from_slice(&state);
    to.finish(&root);
}

/// Whether these are the bytes of the snapshot.
pub(super) fn is_of(replayed: &Parts<'_>, bytes: &[u8]) -> bool {
    let mut rest = Some(bytes);
    each_piece(replayed, &mut |piece| {
        rest = rest.and_then(|rest| rest.strip_prefix(piece));
    });
    rest.is_some_and(<[u8]>::is_empty)
}

/// Whether a snapshot was made by an older version, which is of no use any more.
pub(super) fn is_outdated(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_some_and(|version| (1..VERSION).contains(version))
}

/// Opens a snapshot of the first `count` records of a log, unless it is damaged or of another version. Its pages are read
/// when they are asked for.
pub fn decode(count: u64, source: Arc<dyn Source>, log: &impl Log) -> Option<Replayed> {
    if source.read(0, 1).ok()? != [VERSION] {
        return None;
    }
    let records = records::of(log);
    let of = records.clone();
    let remake: Remake = Box::new(move || Some(encode(&Replayed::of_records(&of, count)?)));
    let (pages, root) = Pages::open(source, 1, Some(remake))?;
    let pages = Arc::new(pages);
    let (link, rest) = root.split_first_chunk::<32>()?;
    let (own_count, rest) = rest.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (tree, rest) = part(rest)?;
    let (definitions, state) = part(rest)?;
    let tree = Tiled::from_bytes(tree).ok()?;
    let definitions = Definitions::from_pages(&pages, definitions);
    let library = Box::new(Library::new(&definitions));
    let state = State::from_pages(pages, state, archive::with(records, library))?;
    let fits = [u64::from_le_bytes(*own_count), state.count(), tree.size()] == [count; 3];
    fits.then_some(Replayed {
        state,
        head: Head {
            count,
            link: Hash(*link),
        },
        last_recorded: Instant(i64::from_le_bytes(*time)),
        tree,
        definitions,
    })
}

/// What follows its length, and the rest.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// Of the snapshots of these counts, ascending, those that can go: the one after is not much longer than the one
/// before. What is kept suffices for questions about earlier times, and is a few times as large as the newest.
pub(super) fn surplus(counts: &[u64]) -> Vec<u64> {
    let mut kept: Vec<u64> = Vec::new();
    let mut surplus = Vec::new();
    for (at, count) in counts.iter().enumerate() {
        let before = kept.last().copied().unwrap_or_default();
        match counts.get(at + 1) {
            Some(after) if *after <= before.saturating_mul(4) => surplus.push(*count),
            _ => kept.push(*count),
        }
    }
    surplus
}

/// The newest snapshot that belongs to this chain and lies within what is known.
pub(super) fn newest(log: &impl Log, known_at: KnownAt) -> Result<Option<Replayed>, LedgerError> {
    let Some(cache) = log.snapshots() else {
        return Ok(None);
    };
    let committed = log.head()?.count;
    for count in cache.counts()?.into_iter().rev() {
        let beyond = match known_at {
            KnownAt::Now => false,
            KnownAt::Record(last) => count > last.0.saturating_add(1),
            KnownAt::Time(_) => false,
        };
        if count == 0 || count > committed || beyond {
            continue;
        }
        let Some(replayed) = cache
            .open(count)?
            .and_then(|source| decode(count, source, log))
        else {
            continue;
        };
        let too_late = matches!(known_at, KnownAt::Time(last) if replayed.last_recorded > last);
        if !too_late && is_of_this_chain(log, &replayed)? {
            return Ok(Some(replayed));
        }
    }
    Ok(None)
}

/// Whether the record at the snapshot's end has the link that the snapshot was taken at.
fn is_of_this_chain(log: &impl Log, replayed: &Replayed) -> Result<bool, LedgerError> {
    let last = replayed.head.count - 1;
    let found = log.read(last, 1)?;
    let record = found
        .first()
        .and_then(|stored| Record::open(&stored.sealed).ok());
    Ok(record.is_some_and(|record| {
        record.header.seq == last && record.header.link() == replayed.head.link
    }))
}

#[cfg(test)]
mod tests {
    use super::surplus;

    #[test]
    fn of_many_snapshots_the_newest_and_a_few_older_ones_are_kept() {
        let mut kept: Vec<u64> = Vec::new();
        let mut next = 65_536;
        while next < 20_000_000 {
            kept.push(next);
            for count in surplus(&kept) {
                kept.retain(|other| *other != count);
            }
            assert_eq!(kept.last(), Some(&next));
            let all: u64 = kept.iter().sum();
            assert!(all <= 3 * next, "{kept:?}");
            next += (next / 8).max(65_536);
        }
        assert!(kept.len() > 3, "{kept:?}");
    }
}
