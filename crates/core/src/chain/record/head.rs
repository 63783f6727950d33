//! The end of a chain, and the messages that are signed about records.

use std::fmt;

use super::hash::Hash;
use super::header::Header;

/// The end of a chain: how many records, and the link of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records there are; also the number of the next.
    pub count: u64,
    /// The link of the last one, zeros where there is none.
    pub link: Hash,
}

impl Head {
    /// The head of an empty chain.
    pub const EMPTY: Head = Head {
        count: 0,
        link: Hash::ZERO,
    };

    /// The head after one more record.
    pub fn after(header: &Header) -> Self {
        Self {
            count: header.seq + 1,
            link: header.link(),
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, link {}", self.count, self.link)
    }
}

/// What a recorder signs: the ledger's origin and the head after the batch. It vouches for all history before.
pub fn recorder_message(origin: &str, head: Head) -> Vec<u8> {
    format!(
        "servanda recorder v1\n{origin}\n{}\n{}\n",
        head.count, head.link
    )
    .into_bytes()
}

/// What a party signs to acknowledge a record: the origin, who acknowledges, and the record's place and link.
pub fn acknowledgement_message(origin: &str, party: &str, seq: u64, link: Hash) -> Vec<u8> {
    format!("servanda acknowledgement v1\n{origin}\n{party}\n{seq}\n{link}\n").into_bytes()
}
