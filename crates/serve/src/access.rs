//! Who may do what: roles, the tokens of people and programs, and the sessions of browsers.
//!
//! A token is random and shown once. The file keeps its SHA-256, which leads nobody back to it: a token has 256 bits. The
//! file is read again when it changed, so that a removed token is of no use at once.

mod file;
mod role;
mod secret;
mod sessions;
mod throttle;

pub use file::{AccessFile, Entry, FileError};
pub use role::{Needs, Role, Who};
pub use secret::{digest, is_same, new_token, random};
pub use sessions::{HELD, Session, Sessions};
pub use throttle::Throttle;

#[cfg(test)]
mod tests;
