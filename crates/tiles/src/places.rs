//! Where ledgers are published: a directory, a bucket, a URL.

use std::sync::Arc;

use super::directory::Directory;
use super::store::{Store, StoreError};
use servanda_log::Location;

/// What opening a place may need beside its address.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The token for a server that asks for one.
    pub token: Option<String>,
}

/// Opens a place: a path or `file:` URL, `s3://BUCKET/PREFIX`, or `http://` and `https://` to read alone. Nothing is
/// asked yet.
///
/// # Errors
/// [`StoreError::Address`]
pub fn open(at: &Location, access: &Access) -> Result<Arc<dyn Store>, StoreError> {
    if let Some(dir) = at.directory() {
        return Ok(Arc::new(Directory::new(dir)));
    }
    remote(at, access)
}

#[cfg(feature = "objects")]
fn remote(at: &Location, access: &Access) -> Result<Arc<dyn Store>, StoreError> {
    use super::objects::Objects;
    let given = at.to_string();
    match at.scheme() {
        "s3" => Ok(Arc::new(Objects::s3(&given, at.address())?)),
        "http" | "https" => Ok(Arc::new(Objects::http(&given, access.token.as_deref())?)),
        _ => Err(unknown(at, "a directory, s3:, http: and https: are known")),
    }
}

#[cfg(not(feature = "objects"))]
fn remote(at: &Location, _: &Access) -> Result<Arc<dyn Store>, StoreError> {
    Err(unknown(at, "directories alone are known"))
}

fn unknown(at: &Location, why: &str) -> StoreError {
    StoreError::Address {
        address: at.to_string(),
        why: why.to_owned(),
    }
}
