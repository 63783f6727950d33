//! Records in sled 0.34. Only files below this one name it.
//!
//! # Bytes
//! A directory `records` that is sled's own, with two trees, and beside it a file `head`:
//! - `blocks`: up to 256 records a value; `block.rs` gives every byte. A value without a byte keeps the place of one
//!   that is to come; there are some only while many are written, and behind the head.
//! - `snapshots`: key: count u64 and part number u32, big endian. Value: up to 24 KiB. The part with the
//!   number `ffffffff` is written last and removed first, and holds, little endian, the length u64 and a
//!   32-byte checksum of the whole: without it, or where it does not fit, the snapshot is not there.
//! - `head` (`head.rs`): the head that was committed.
//! - `reserve`: 4 MiB of zeros that hold room on the disk. sled needs room even to open what a full disk
//!   broke off; then this is deleted, and the next append makes it again before it writes anything. So on a
//!   full disk appends are refused and reading goes on. It can be deleted at any time.
//!
//! # An append, in this order
//! 1. Blocks left behind by an append that broke off are removed.
//! 2. The batch is inserted in blocks, in order; sled is flushed every 16 blocks and at the end.
//! 3. `records/db` is synced by a handle of our own, for sled's flush ends in `sync_file_range`, which does
//!    not outlive a power cut.
//! 4. The head file is written and synced. Now the append has happened.
//! 5. Where 64 small blocks stand at the end, one sled batch replaces them by full ones. A crash leaves the
//!    old ones or the new ones. Nothing waits for this, and its failure is not the append's.
//!
//! # A stream
//! is appended in the same order, in blocks that go across its batches, but its first value is kept until all
//! others are on the disk. So whatever breaks it off leaves blocks to which nothing leads from the head, which
//! nobody takes for whole batches; and once the first value lies there, the stream is whole. What is left is
//! removed at once. Where a full disk broke the stream off there is no room for that, for sled writes nodes anew to
//! remove values from them: then all records are written anew without it (see Compacting), if they fit into the
//! reserve and what little room there is, and otherwise the next append removes it.
//!
//! # Erasing
//! sled writes anew what changes and lets the old bytes lie until it needs the room, so nothing in its files
//! is ever surely gone. Erasing therefore copies every record into a directory `records.new`, the erased ones
//! as they are to be, and nothing else: no snapshots, nothing from behind the head. It reads the copy back,
//! compares it with what it should be, and puts it in place of `records`, which it overwrites (`swap.rs`
//! has the order, and what a crash leaves). It takes as much room as the records do, and time to read them
//! twice. A damaged store is not erased from: it is evidence.
//!
//! # Compacting
//! goes the same way as erasing, with nothing changed: what is appended one by one, and sled's dead space, come
//! out as full blocks that each lie there once. It also follows the chain to the head before it lets go of the
//! old files, and keeps the snapshots.
//!
//! # Opening
//! What lies behind the head is taken in as far as it is whole batches that continue the chain: somebody
//! was about to commit them. The rest behind the head is not read, and the next append removes it.
//! Where there is less than the head says, opening succeeds and reading ends early; [`Log::head`] still
//! gives the committed head, and nothing can be appended.
//!
//! A directory whose `db` is missing is refused before sled is asked, which would make a new one.
//!
//! What sled itself writes when a directory is opened, read and closed (measured):
//! - `db`: it fills the segment after the end of its log with zeros, and segments that it gave up, and
//!   syncs. The first reading after an append may also make it rewrite pages. From then on, opening
//!   writes the same zeros again, and no byte changes.
//! - `snap.*`: its table of pages; written anew where its log grew since the last one.
//! - `conf` and `blobs/` only where they are missing.
//!
//! There is no way around this: sled cannot be opened to read only. On a damaged `db` it is destructive:
//! it reads its log from the segment in which its last table of pages ends, takes the first message that
//! it cannot read for the end, and zeroes what follows. Two things are done about that:
//! - A log in which something was appended is opened once more when it is closed, so that the table of
//!   pages is written. From then on damage costs only the pages that it hits, but for the last segment.
//! - What opening may destroy is read before (`preimage.rs`). Where sled then fails, or finds fewer records
//!   than were committed, it is put back, and reading goes to a copy in the system's scratch directory.
//!   So a damaged store is left as it was, can be looked at again, and takes no appends.
//!
//! # Panics
//! sled panics on many kinds of damage. Every call is caught, and the panic's text becomes a
//! [`LogError::Damaged`]. The panic hook of the program asks [`is_guarded`], and prints nothing then.

mod append;
mod chain;
mod files;
mod guard;
mod log;
mod open;
mod read;
mod rewrite;
mod room;
mod shared;
mod snapshots;
mod trees;
mod write;

pub use self::guard::is_guarded;
pub use self::log::Sled;
pub use self::room::RESERVE_BYTES;

#[cfg(test)]
mod tests;
