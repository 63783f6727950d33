//! The one way to open a file that somebody else may have put there, and the one way to write a file for others.
//!
//! A path that a user names, or that lies in a directory which others can write, may lead to a directory, a pipe that
//! nobody writes to, an endless device, or a file of any length. [`Source`] asks what it is before it reads, waits
//! no longer than [`PATIENCE`] for the next byte, and reads no more than it was told to. [`Output`] never writes over
//! what exists unless it is told to, never puts a file in the place of a device, a pipe or a symbolic link, and shows a
//! regular file whole or not at all.

mod error;
mod output;
mod source;
mod temporary;

pub use error::FileError;
pub use output::{Access, Existing, Output, destroy, write, write_locked};
pub use source::{PATIENCE, Source, lock_holder, open_own, read, read_regular};
pub use temporary::{Temporary, remove_all};

#[cfg(test)]
mod tests;
