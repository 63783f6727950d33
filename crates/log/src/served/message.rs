//! What a client and the server of a ledger say to each other, in frames.
//!
//! A frame is the length of what follows (4 bytes, little endian), a letter, and a body:
//! - `m`: a message, as JSON;
//! - `r`: records, each with its number (8 bytes, little endian), its length (4) and its bytes;
//! - `b`: bytes of a snapshot.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{LogError, Unsupported};
use crate::log::Stored;
use servanda_core::chain::record::{Hash, Head, Sealed};

/// The version of these messages.
pub(super) const VERSION: u32 = 1;

/// The most bytes of a frame behind its length. A record is shorter.
pub const MAX_FRAME: usize = 1024 * 1024;

/// Bytes of records or of a snapshot after which a frame is sent.
const FRAME: usize = 256 * 1024;

/// What stands before a record in a frame.
const PREFIX: usize = 12;

/// A message. The first ones are questions, the others answers or parts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Message {
    /// The first message. Answered by `Welcome` or `OtherVersion`.
    Hello { version: u32, program: String },
    /// Answered by `At`.
    Head,
    /// Answered by one frame of records, empty at the end.
    Read { from: u64, limit: u64 },
    /// Answered by `Done`, or `Moved` or `Failed` at once. Then come records, with an `At` behind each batch, and
    /// `End`. Answered by `At`, `Moved`, `Uncertain`, `Unconfirmed` or `Failed`.
    Append { expected: Place },
    /// Answered by `Counts`.
    ListSnapshots,
    /// Answered by bytes and `End`, or by `Missing`.
    Load { count: u64 },
    /// Followed by bytes and `End`. Answered by `Done`.
    Put { count: u64 },
    /// Answered by `Done`.
    Remove { count: u64 },
    /// Followed by records and `End`. Answered by `Done`.
    Erase,
    /// Answered by `Compacted`.
    Compact,

    /// What a client must know of the log.
    Welcome(Welcome),
    /// Another version answers.
    OtherVersion { program: String },
    /// A head.
    At(Place),
    /// Counts of snapshots.
    Counts(Vec<u64>),
    /// There is no such snapshot.
    Missing,
    /// What was asked is done, or what comes next is expected.
    Done,
    /// Bytes before and after.
    Compacted { before: u64, after: u64 },
    /// The end of what came in parts.
    End,
    /// The head moved; nothing was appended.
    Moved(Place),
    /// The outcome of an append is uncertain.
    Uncertain(Fault),
    /// The records are there, and not confirmed.
    Unconfirmed(Fault),
    /// An error of the log.
    Failed(Fault),
}

/// What a client must know of the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Welcome {
    /// Why no append is possible.
    pub damage: Option<String>,
    /// Whether the records are read from a copy.
    pub is_copied: bool,
    /// Whether it keeps snapshots.
    pub keeps_snapshots: bool,
    /// Whether it erases.
    pub erases: bool,
    /// Whether it can be compacted.
    pub compacts: bool,
}

/// A head.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Place {
    count: u64,
    link: [u8; 32],
}

impl From<Head> for Place {
    fn from(head: Head) -> Self {
        Self {
            count: head.count,
            link: head.link.0,
        }
    }
}

impl From<Place> for Head {
    fn from(place: Place) -> Self {
        Self {
            count: place.count,
            link: Hash(place.link),
        }
    }
}

/// An error of a log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Fault {
    /// Of the system, with its number where it has one.
    Io {
        doing: String,
        why: String,
        code: Option<i32>,
    },
    Unreachable {
        doing: String,
        why: String,
    },
    Damaged {
        what: String,
        resume: Option<u64>,
    },
    Clock,
    NoSnapshots,
    NoErasing,
    NoCompacting,
}

impl From<&LogError> for Fault {
    fn from(error: &LogError) -> Self {
        match error {
            LogError::Io { doing, source } => Self::Io {
                doing: doing.clone(),
                why: source.to_string(),
                code: source.raw_os_error(),
            },
            LogError::Unreachable { doing, why } => Self::Unreachable {
                doing: doing.clone(),
                why: why.clone(),
            },
            LogError::Damaged { what, resume } => Self::Damaged {
                what: what.clone(),
                resume: *resume,
            },
            LogError::Clock => Self::Clock,
            LogError::Unsupported(Unsupported::Snapshots) => Self::NoSnapshots,
            LogError::Unsupported(Unsupported::Erasing) => Self::NoErasing,
            LogError::Unsupported(Unsupported::Compacting) => Self::NoCompacting,
        }
    }
}

impl From<Fault> for LogError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io { doing, why, code } => Self::Io {
                doing,
                source: code.map_or_else(|| io::Error::other(why), io::Error::from_raw_os_error),
            },
            Fault::Unreachable { doing, why } => Self::Unreachable { doing, why },
            Fault::Damaged { what, resume } => Self::Damaged { what, resume },
            Fault::Clock => Self::Clock,
            Fault::NoSnapshots => Self::Unsupported(Unsupported::Snapshots),
            Fault::NoErasing => Self::Unsupported(Unsupported::Erasing),
            Fault::NoCompacting => Self::Unsupported(Unsupported::Compacting),
        }
    }
}

/// A frame that came.
#[derive(Debug)]
pub(super) enum Frame {
    Message(Message),
    Records(Vec<Stored>),
    Bytes(Bytes),
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Line(pub UnixStream);

impl Line {
    /// Sends a message.
    pub fn say(&mut self, message: &Message) -> io::Result<()> {
        self.send(b'm', |frame| Ok(serde_json::to_writer(frame, message)?))
    }

    /// Sends records, in as many frames as they need; none where there are none.
    pub fn send_records<'a>(
        &mut self,
        records: impl IntoIterator<Item = (u64, &'a Sealed)>,
    ) -> io::Result<()> {
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            self.send(b'r', |frame| {
                while frame.len() < FRAME
                    && let Some((seq, sealed)) = records.next()
                {
                    push_record(frame, seq, sealed);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Sends as many of the records as one frame takes, at least one where there are any.
    pub fn send_some_records(&mut self, records: &[Stored]) -> io::Result<()> {
        self.send(b'r', |frame| {
            for stored in records {
                if frame.len() >= FRAME {
                    break;
                }
                push_record(frame, stored.seq, &stored.sealed);
            }
            Ok(())
        })
    }

    /// Sends bytes, in as many frames as they need.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(FRAME) {
            self.send(b'b', |frame| {
                frame.extend_from_slice(part);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn send(
        &mut self,
        letter: u8,
        fill: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut frame = vec![0, 0, 0, 0, letter];
        fill(&mut frame)?;
        let length = frame.len() - 4;
        if length > MAX_FRAME {
            return Err(malformed(format!("a frame has at most {MAX_FRAME} bytes")));
        }
        frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
        self.0.write_all(&frame)
    }

    /// Waits for a frame.
    pub fn hear(&mut self) -> io::Result<Frame> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if !(1..=MAX_FRAME).contains(&length) {
            return Err(malformed(format!("a frame of {length} bytes")));
        }
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame)?;
        let frame = Bytes::from(frame);
        let body = frame.slice(1..);
        match frame[0] {
            b'm' => Ok(Frame::Message(serde_json::from_slice(&body)?)),
            b'r' => Ok(Frame::Records(records(body)?)),
            b'b' => Ok(Frame::Bytes(body)),
            letter => Err(malformed(format!("a frame of the letter {letter}"))),
        }
    }

    /// Waits for a message.
    pub fn hear_message(&mut self) -> io::Result<Message> {
        match self.hear()? {
            Frame::Message(message) => Ok(message),
            _ => Err(malformed("a message was due".to_owned())),
        }
    }
}

fn push_record(frame: &mut Vec<u8>, seq: u64, sealed: &Sealed) {
    frame.extend_from_slice(&seq.to_le_bytes());
    // What is longer does not fit into a frame either.
    frame.extend_from_slice(&(sealed.0.len() as u32).to_le_bytes());
    frame.extend_from_slice(&sealed.0);
}

fn records(mut body: Bytes) -> io::Result<Vec<Stored>> {
    let short = || malformed("a record is not whole".to_owned());
    let mut records = Vec::new();
    while !body.is_empty() {
        let prefix = body.first_chunk::<PREFIX>().ok_or_else(short)?;
        let seq = u64::from_le_bytes(std::array::from_fn(|at| prefix[at]));
        let length = u32::from_le_bytes(std::array::from_fn(|at| prefix[8 + at])) as usize;
        if body.len() - PREFIX < length {
            return Err(short());
        }
        let mut record = body.split_to(PREFIX + length);
        let sealed = Sealed(record.split_off(PREFIX));
        records.push(Stored { seq, sealed });
    }
    Ok(records)
}

/// The error for what the other end should not have sent.
pub(super) fn malformed(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
