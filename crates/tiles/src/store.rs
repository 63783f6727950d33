//! The place where a ledger is published: named objects, written whole.

use bytes::Bytes;

/// An object as it was read.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// Which of its versions that is.
    pub version: Version,
}

/// A version of an object, which only its store understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub(crate) String);

/// When an object is written.
#[derive(Debug, Clone, Copy)]
pub enum Condition<'a> {
    /// Always.
    Always,
    /// If there is none of this name.
    Absent,
    /// If it is still this version.
    Unchanged(&'a Version),
}

/// Why a store does not do what it is asked for. The texts hold no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It does not answer, or not as it should.
    #[error("{doing}: {why}")]
    Unreachable {
        /// The operation and the object.
        doing: String,
        /// What the store or the system says.
        why: String,
    },
    /// The system refuses.
    #[error("{doing}: {why}")]
    Failed {
        /// The operation and the object.
        doing: String,
        /// What the system says.
        why: String,
    },
    /// It does not let this user in.
    #[error("{doing}: not allowed: {why}")]
    NotAllowed {
        /// The operation and the object.
        doing: String,
        /// What the store or the system says.
        why: String,
    },
    /// An address is none of a published ledger.
    #[error("{address}: {why}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// An object has more bytes than it can have.
    #[error("{path} has {found} bytes; at most {limit} are read")]
    TooLong {
        /// The object.
        path: String,
        /// Its bytes.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

/// Objects under a prefix. An object is there whole or not at all.
pub trait Store: Send + Sync {
    /// Reads an object of at most `limit` bytes; none if there is none.
    ///
    /// # Errors
    /// [`StoreError`]
    fn get(&self, path: &str, limit: u64) -> Result<Option<Object>, StoreError>;

    /// Writes an object, if the condition holds; gives whether it did. It is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; the object may be there all the same.
    fn put(&self, path: &str, bytes: Bytes, when: Condition<'_>) -> Result<bool, StoreError>;

    /// Lists the paths that begin with a prefix, which ends in `/`.
    ///
    /// # Errors
    /// [`StoreError`]
    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Deletes an object; that there is none is no error.
    ///
    /// # Errors
    /// [`StoreError`]
    fn delete(&self, path: &str) -> Result<(), StoreError>;
}

/// How long caches may keep an object.
#[cfg_attr(
    not(feature = "objects"),
    expect(dead_code, reason = "directories have no caches")
)]
pub(crate) fn cache_control(path: &str) -> &'static str {
    match path {
        // An erased payload must go from caches too.
        path if path.starts_with("tile/records/") => "public, max-age=300",
        // What is below `tile/` otherwise never changes.
        path if path.starts_with("tile/") => "public, max-age=31536000, immutable",
        _ => "no-cache",
    }
}
