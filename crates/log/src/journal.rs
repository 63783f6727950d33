//! A journal before a log: an append is committed in the journal, and the backing log gets it later.
//!
//! An append is one write into a file of fixed length that was filled with zeros when it was made, and one
//! `fdatasync`, which has nothing but those bytes to put on the disk. Frames that are not in the backing log yet are
//! read from memory.
//!
//! # Bytes
//! `journal`: 4 MiB. At the start two slots (`slot.rs`) that begin with `srvdjrnl`. Their body, little endian:
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 16 | 8 | first: the number of the lap's first frame |
//! | 24 | 8 | last: the number of the last frame that was committed when the slot was written |
//! | 32 | 8 | count of records at that time |
//! | 40 | 32 | link of the last of them, zeros where there is none |
//! | 72 | 8 | bytes of the whole file |
//!
//! From 8,192 on frames, each at a multiple of 4,096. All frames that were ever written are numbered from 1;
//! frames with numbers before the lap's first are leftovers.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | `srvdfrm` and the byte 1 |
//! | 8 | 8 | the frame's number |
//! | 16 | 40 | the head that it continues: count of records, which is the number of its first, and link |
//! | 56 | 40 | the head after it |
//! | 96 | 8 | bytes of its records, with their lengths |
//! | 104 | | its records: the length of each (4 bytes), then its bytes |
//! | | 32 | [`local_checksum`](servanda_core::chain::record::local_checksum) of all before |
//! | | | zeros up to a multiple of 4,096 |
//!
//! A frame that a crash interrupted lacks its check sum, and was not committed. A frame of an earlier lap has too small
//! a number.
//!
//! # An append, in this order
//! 1. If an earlier flush failed, the buffered frames are flushed again. If that fails too, the append fails and
//!    nothing was written.
//! 2. If there is no room, a new lap begins: all frames are flushed, a slot says so and is synced.
//! 3. The frame is written and synced. Now the append is committed. A sync that failed is tried once more with the
//!    bytes written again; if that fails too, the outcome is unknown, and the log must be opened again.
//! 4. If 1 MiB of frames is buffered, the flusher, a thread, appends them to the backing log. A frame is done when that
//!    append returned. Nothing is written to the journal then: opening compares the frames with the backing log's head.
//!
//! A frame of more than 512 KiB, and a source of several batches, go straight to the backing log, after all buffered
//! frames. Then a slot stores the new head: so the journal detects that the backing log lost its end.
//!
//! # Closing
//! Up to 64 KiB of frames stay: a few small appends cost the backing log nothing. A slot stores the number of the last
//! frame, without a sync. So after an orderly end, damage to the last frame differs from an interrupted write; after a
//! crash it does not, and a damaged last frame then counts as one that was never committed.
//!
//! # Opening
//! Opening and reading write nothing. If the frames do not continue the backing log, or end before the head that the
//! journal knows, everything that is there can be read, [`Log::head`](crate::Log::head) gives the committed head, and
//! appends are refused.
//!
//! # Erasing
//! Erased bytes may also be in frames of any lap. So all frames are flushed, a new lap begins, and all frames are
//! overwritten with zeros, before the backing log erases.

mod backing;
mod buffer;
mod errors;
mod file;
mod frame;
mod log;
mod medium;
mod overlay;

pub(crate) use self::file::{is_blank, is_empty};
pub use self::log::{Journal, SIZE};

#[cfg(test)]
mod cost;
#[cfg(any(test, feature = "testing"))]
pub mod power;
#[cfg(test)]
mod tests;
