//! What stands in the bytes where there is nothing.

/// No word.
pub const NO_WORD: u8 = u8::MAX;

/// No record.
pub const NO_RECORD: u32 = u32::MAX;
