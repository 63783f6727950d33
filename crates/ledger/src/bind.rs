//! Binding admitted events to the chain.

use super::check::Admitted;
use super::environment::Environment;
use super::error::LedgerError;
use servanda_core::chain::key::SigningKey;
use servanda_core::chain::record::{Head, Record, SALT_LEN, bind};

/// Binds a batch of the chain behind a head: draws the salts, and signs its last record where a signature is required.
/// `origin` is the ledger's; it need not be given where nothing is to be signed.
///
/// # Errors
/// [`LedgerError::Entropy`]; [`LedgerError::Signature`] where a key is missing.
pub(super) fn bind_batch(
    head: Head,
    batch: Admitted,
    environment: &mut dyn Environment,
    signers: &[SigningKey],
    origin: &str,
) -> Result<(Vec<Record>, Head), LedgerError> {
    let mut salts = vec![[0; SALT_LEN]; batch.payloads.len()];
    environment
        .fill_salts(&mut salts)
        .map_err(LedgerError::Entropy)?;
    let bodies = batch.payloads.into_iter().zip(salts);
    let bodies = bodies.map(|(payload, salt)| payload.salted(salt)).collect();
    let (mut records, head) = bind(head, bodies);
    if let Some(last) = records.last_mut()
        && !batch.required.is_empty()
    {
        last.signatures = batch.required.sign(signers, origin, head)?;
    }
    Ok((records, head))
}
