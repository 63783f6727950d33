//! Signatures in the ledger: of recorders over batches, of parties over what they acknowledge.
//!
//! Which keys must sign is read from the chain itself: a record that names an admitted recorder in
//! `recorded_by` needs the signature of that recorder's key on its batch; a rotation needs both keys'.

mod acknowledgement;
mod error;
mod keys;
mod required;

pub use acknowledgement::{acknowledge, acknowledged, check_acknowledgement};
pub use error::SignatureError;
pub(crate) use keys::Keyring;
pub use keys::{Keys, RecorderKey};
pub use required::Required;
