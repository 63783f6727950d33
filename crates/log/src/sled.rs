//! Records in sled 0.34. Only the files of this module name it.
//!
//! # Bytes
//! A directory `records` that belongs to sled, with two trees, and two files beside it:
//! - `blocks`: up to 256 records a value; `block.rs` gives every byte. An empty value keeps the place of a later one.
//!   Such places exist only while many blocks are written, and behind the head.
//! - `snapshots`: key: count u64 and part number u32, big endian. Value: up to 24 KiB. The part with the number
//!   `ffffffff` is written last and removed first, and holds, little endian, the length u64 and a 32-byte checksum of
//!   the whole. If this part is absent or does not fit, the snapshot counts as absent.
//! - `head` (`head.rs`): the committed head.
//! - `reserve`: 4 MiB of zeros that hold room on the disk. After a disk was full, sled needs room even to open. Then
//!   the reserve is deleted, and the next append makes it again before it writes anything. So on a full disk appends
//!   are refused and reading goes on. The reserve can be deleted at any time.
//!
//! # An append, in this order
//! 1. Blocks of an earlier, interrupted append are removed.
//! 2. The batch is inserted in blocks, in order; sled is flushed every 16 blocks and at the end.
//! 3. `records/db` is synced through a handle of our own, because sled's flush ends in `sync_file_range`, which does
//!    not survive a power cut.
//! 4. The head file is written and synced. Now the append is committed.
//! 5. When 64 small blocks are at the end, one sled batch replaces them by full ones. A crash leaves the old ones or
//!    the new ones. The append does not wait for this and does not fail with it.
//!
//! # A stream
//! A source of several batches is appended in the same order, in blocks that span batches, but the first value is
//! inserted after all others are on the disk. So an interrupted stream leaves blocks that do not continue the head, and
//! opening ignores them; once the first value is there, the stream is whole. The leftovers of a stream that failed are
//! removed at once. On a full disk there is no room for that, because sled writes nodes anew to remove values from
//! them. Then all records are written anew without the leftovers (see Compacting), if they fit into the reserve and the
//! room that is left; otherwise the next append removes the leftovers.
//!
//! # Erasing
//! sled writes changed values to a new place and keeps the old bytes until it needs the room, so a removed value may
//! stay in its files. Erasing therefore copies every record into a directory `records.new`, the erased ones without
//! their payloads, and nothing else: no snapshots, nothing from behind the head. It reads the copy back, compares it,
//! and puts it in place of `records`, which it overwrites with zeros (`swap.rs` has the order, and what a crash
//! leaves). It needs as much room as the records, and the time to read them twice. A damaged log is not erased from: it
//! is evidence.
//!
//! # Compacting
//! Compacting copies in the same way without changes. Single appends and the dead space of sled become full blocks. It
//! also follows the chain to the head before it deletes the old files, and it keeps the snapshots.
//!
//! # Opening
//! A log is opened to read, and no byte of its files changes. The first append opens it to write.
//!
//! Records behind the committed head are adopted as far as they are whole batches that continue the chain: an append
//! was about to commit them. The rest behind the head is not read, and the next append removes it. If there are fewer
//! records than the head says, opening succeeds and reading ends early; [`Log::head`](crate::Log::head) still gives the
//! committed head, and appends are refused.
//!
//! A directory without a `db` is refused before sled is called, which would make a new one.
//!
//! What sled itself writes when a directory is opened, read and closed (measured):
//! - `db`: it fills the segment after the end of its log, and segments that it gave up, with zeros, and syncs. The
//!   first reading after an append may also make it rewrite pages. After that, opening writes the same zeros again, and
//!   no byte changes.
//! - `snap.*`: its table of pages, written anew if its log grew since the last one.
//! - `conf` and `blobs/` only if they are missing.
//!
//! sled cannot be opened read-only. On a damaged `db` opening is destructive: sled reads its log from the segment in
//! which its last table of pages ends, takes the first message that it cannot read for the end, and zeroes the rest. A
//! draft of a table that a kill left (`snap.*.generating`) makes it give up. So:
//! - After appends, the log is opened and closed until no byte changes, and sealed (`settled.rs`). A sealed log is opened
//!   where it lies. Damage costs only the pages that it hits.
//! - Any other log, after a crash or damaged, is read from a copy in the system's scratch directory: with the files that
//!   sled left whole, and if that does not give all records, with `db` alone.
//! - The first append takes over: it sets aside what the copy did without, and opens the log itself. Where sled had no
//!   table to go by, all records are followed to the head before. If they do not lead there, the log is damaged.
//! - The bytes that opening may change are read before (`pre_open_backup.rs`). If sled then fails, or finds fewer
//!   records than were committed, they are written back. So are they where a read met damage and sled moved pages.
//!
//! [`Log::damage`](crate::Log::damage) says why appends are refused; `verify` reports it.
//!
//! # Panics
//! sled panics on many kinds of damage. Every call is caught, and the panic's text becomes a
//! [`LogError::Damaged`](crate::LogError::Damaged). The panic hook of the program calls [`is_guarded`], and prints
//! nothing then.

mod append;
mod chain;
mod files;
mod guard;
mod log;
mod open;
mod read;
mod rewrite;
mod room;
mod settled;
mod shared;
mod snapshots;
mod trees;
mod write;

pub(crate) use self::files::{HEAD, RECORDS};
pub use self::guard::is_guarded;
pub use self::log::Sled;
pub(crate) use self::room::RESERVE;
pub use self::room::RESERVE_BYTES;

#[cfg(test)]
mod tests;
