//! The names and limits of objects.

/// The object with the newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// The object with the newest checkpoint that witnesses cosigned.
pub const COSIGNED: &str = "cosigned";

/// The object that says up to which record the redactions are carried out here.
pub const ERASED: &str = "erased";

/// The most bytes of a note.
pub(crate) const NOTE_BYTES: u64 = 1_000_000;

/// The most bytes of a part: a bundle of the longest records that there can be.
pub(crate) const PART_BYTES: u64 = 72 << 20;
