//! For tests alone: batches of records that stores are given.

use servanda_core::chain::record::{Body, Head, Record, SALT_LEN, Sealed};
use servanda_core::chain::testing::bind_bodies;

/// A batch of records with payloads of these lengths, and the head after it.
pub(super) fn batch(head: Head, lengths: &[usize]) -> (Vec<Sealed>, Head) {
    let body = |&length: &usize| Body {
        salt: [3; SALT_LEN],
        payload: (0..length).map(|i| (i ^ (i >> 8)) as u8).collect(),
    };
    let (records, head) = bind_bodies(head, 1, lengths.iter().map(body).collect());
    (records.iter().map(Record::seal).collect(), head)
}
