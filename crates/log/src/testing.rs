//! For tests alone: batches of records that stores are given, and what is wrong with a store that loses some.

use servanda_core::chain::record::{Body, Head, Record, SALT_LEN, Sealed};
use servanda_core::chain::testing::bind_bodies;
use servanda_core::records::Stored;

/// A batch of records with payloads of these lengths, and the head after it.
pub(super) fn batch(head: Head, lengths: &[usize]) -> (Vec<Sealed>, Head) {
    let body = |&length: &usize| Body {
        salt: [3; SALT_LEN],
        payload: (0..length).map(|i| (i ^ (i >> 8)) as u8).collect(),
    };
    let (records, head) = bind_bodies(head, 1, lengths.iter().map(body).collect());
    (records.iter().map(Record::seal).collect(), head)
}

/// A record without its body, as a redaction leaves it.
pub(super) fn bodiless(records: &[Sealed], seq: usize) -> Stored {
    let record = Record::open(&records[seq]).expect("it was sealed by a test");
    Stored {
        seq: seq as u64,
        sealed: Record {
            body: None,
            ..record
        }
        .seal(),
    }
}

/// The promise that a log broke, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// A record that an append acknowledged is gone.
    Lost(String),
    /// A part of an append is there, or a record is another.
    InPart(String),
    /// The log does not open or takes no appends, although nothing is damaged.
    Stuck(String),
}
