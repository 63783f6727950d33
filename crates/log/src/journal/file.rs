//! The journal's file: its slots, its frames, and the place of the next frame.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::frame::{self, Frame, PAGE};
use super::medium::Medium;
use crate::slot::{ROOM, Slot};
use crate::{LogError, head};
use servanda_core::chain::record::{Head, Sealed};
use servanda_files::FileError;

const MAGIC: &[u8; 8] = b"srvdjrnl";
/// The place of a lap's first frame.
pub(super) const START: usize = ROOM;
const BODY_LEN: usize = 64;
/// Far more bytes than a journal has.
const MAX_BYTES: u64 = 1 << 28;

/// The contents of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// The number of the lap's first frame. Frames with smaller numbers are leftovers.
    first: u64,
    /// The number of the last frame that was committed when the slot was written; the first less one where the lap had
    /// none.
    last: u64,
    /// The head at that time.
    head: Head,
    /// Bytes of the whole file.
    size: u64,
}

impl State {
    fn to_bytes(self) -> [u8; BODY_LEN] {
        let mut bytes = [0; BODY_LEN];
        bytes[..8].copy_from_slice(&self.first.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.last.to_le_bytes());
        bytes[16..56].copy_from_slice(&head::to_bytes(self.head));
        bytes[56..].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; BODY_LEN]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(*bytes[at..].first_chunk()?));
        Some(Self {
            first: number(0)?,
            last: number(8)?,
            head: head::from_bytes(bytes[16..].first_chunk()?),
            size: number(56)?,
        })
    }
}

/// The open file.
pub(super) struct JournalFile {
    medium: Box<dyn Medium>,
    path: PathBuf,
    /// The number of slots that were written.
    generation: u64,
    /// Whether the newest slot is known to be on the disk. Until it is, the other slot is not written over: a power cut
    /// could tear both.
    is_slot_synced: bool,
    state: State,
    /// The number of the last frame, and the newest head in the file.
    last: u64,
    head: Head,
    /// The place of the next frame; none where a new lap must begin first.
    end: Option<usize>,
    /// The last frame that was found, and its place, if no slot says that it was synced. It is written again with the
    /// next frame, because a failed sync may have left it in the system's memory alone.
    unconfirmed: Option<(u64, Vec<u8>)>,
}

impl JournalFile {
    /// Writes a new file of this many bytes with this head, in place of an existing one, and syncs it. The caller syncs
    /// the directory.
    pub(super) fn create(path: &Path, size: usize, head: Head) -> Result<(), LogError> {
        let write = || -> io::Result<()> {
            let mut file = File::create(path)?;
            file.write_all(&blank(size, head))?;
            file.sync_all()
        };
        write().map_err(|source| failed("creating", path, source))
    }

    /// Opens the file, and gives all whole frames of the lap in order. Writes nothing.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Frame>), LogError> {
        let file = servanda_files::open_own(path, MAX_BYTES).map_err(|error| match error {
            error if error.is_missing() => damaged(path, "the file is missing"),
            FileError::Io(source) => failed("opening", path, source),
            error => damaged(path, &error.to_string()),
        })?;
        Self::read(Box::new(file), path)
    }

    /// Opens any medium, as [`JournalFile::open`] opens a file.
    pub(super) fn read(
        medium: Box<dyn Medium>,
        path: &Path,
    ) -> Result<(Self, Vec<Frame>), LogError> {
        let reading = |source| failed("reading", path, source);
        let mut bytes = slots(&*medium).map_err(reading)?;
        let slot = Slot::newest(&bytes, MAGIC);
        let slot = slot.ok_or_else(|| damaged(path, "neither of its two slots is whole"))?;
        let state = State::from_bytes(&slot.body);
        let state = state.filter(|state| state.size == bytes.len() as u64);
        let state = state.ok_or_else(|| damaged(path, "it has not its length"))?;
        read_frames(&*medium, &mut bytes, state.first).map_err(reading)?;
        let (frames, after_last) = scan(&bytes, state.first);
        let mut log = Self {
            medium,
            path: path.to_owned(),
            generation: slot.generation,
            is_slot_synced: false,
            state,
            last: state.last,
            head: state.head,
            end: (state.last < state.first).then_some(START),
            unconfirmed: None,
        };
        if let Some(frame) = frames.last().filter(|frame| frame.number >= state.last) {
            log.last = frame.number;
            log.head = frame.head;
            log.end = Some(after_last);
            if frame.number > state.last {
                let at = after_last - frame::room(&frame.records);
                log.unconfirmed = Some((at as u64, bytes[at..after_last].to_vec()));
                // A frame that readers see should be on the disk. If the sync fails, the next append still continues
                // this frame.
                let _best_effort = log.sync();
            }
        }
        Ok((log, frames))
    }

    /// The place of the next frame, unless a new lap must begin first.
    #[cfg(test)]
    pub(super) fn end(&self) -> Option<usize> {
        self.end
    }

    /// The newest head in the file.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// The most bytes that a frame can take.
    pub(super) fn capacity(&self) -> usize {
        self.size().saturating_sub(START)
    }

    /// Whether a frame of this many bytes that continues this head can be written now.
    pub(super) fn has_room(&self, room: usize, expected: Head) -> bool {
        self.head == expected && self.end.is_some_and(|end| end + room <= self.size())
    }

    /// Writes a frame for which there is room, and syncs it.
    ///
    /// # Errors
    /// The error, and whether the frame may be on the disk.
    pub(super) fn write(
        &mut self,
        expected: Head,
        records: &[Sealed],
        head: Head,
    ) -> Result<u64, (LogError, bool)> {
        let end = self.end.expect("the caller asked for room");
        let bytes = frame::to_bytes(self.last + 1, expected, head, records);
        let put = |log: &Self| {
            if let Some((at, bytes)) = &log.unconfirmed {
                log.medium.write_at(*at, bytes)?;
            }
            log.medium.write_at(end as u64, &bytes)
        };
        let path = self.path.clone();
        let told = |source| failed("writing", &path, source);
        put(self).map_err(|source| (told(source), false))?;
        // The next sync would skip the pages that a failed sync did not write: they are written again.
        let synced = self.sync();
        let synced = synced.or_else(|first| {
            let again = put(self).and_then(|()| self.sync());
            again.map_err(|_| first)
        });
        synced.map_err(|source| (told(source), true))?;
        self.unconfirmed = None;
        self.last += 1;
        self.head = head;
        self.end = Some(end + bytes.len());
        Ok(self.last)
    }

    /// Begins a new lap at this head. No frame in the file may be needed any more.
    pub(super) fn restart(&mut self, head: Head) -> Result<(), LogError> {
        let state = State {
            first: self.last + 1,
            last: self.last,
            head,
            ..self.state
        };
        self.put_slot(state)
            .and_then(|()| self.sync())
            .map_err(|source| failed("writing", &self.path, source))?;
        self.generation += 1;
        self.state = state;
        self.head = head;
        self.end = Some(START);
        self.unconfirmed = None;
        Ok(())
    }

    /// Overwrites all frames with zeros, and syncs. They must be of earlier laps.
    pub(super) fn wipe(&mut self) -> Result<(), LogError> {
        self.medium
            .write_at(START as u64, &vec![0; self.capacity()])
            .and_then(|()| self.sync())
            .map_err(|source| failed("wiping", &self.path, source))
    }

    /// Writes a slot that says that all frames are committed, so that damage to the last one differs from an
    /// interrupted write. It is not synced, because nothing else depends on it.
    pub(super) fn confirm(&mut self) -> Result<(), LogError> {
        let state = State {
            last: self.last,
            head: self.head,
            ..self.state
        };
        self.put_slot(state)
            .map_err(|source| failed("writing", &self.path, source))?;
        self.generation += 1;
        self.state = state;
        self.is_slot_synced = false;
        Ok(())
    }

    fn size(&self) -> usize {
        usize::try_from(self.state.size).expect("the file was read into memory")
    }

    /// Syncs everything that was written.
    fn sync(&mut self) -> io::Result<()> {
        self.medium.sync_data()?;
        self.is_slot_synced = true;
        Ok(())
    }

    /// Writes the slot after the newest one, which is on the disk by then.
    fn put_slot(&mut self, state: State) -> io::Result<()> {
        if !self.is_slot_synced {
            self.sync()?;
        }
        let slot = Slot {
            generation: self.generation + 1,
            body: state.to_bytes(),
        };
        self.medium.write_at(slot.place(), &slot.to_bytes(MAGIC))
    }
}

/// The bytes of a file with this head and no frames.
pub(super) fn blank(size: usize, head: Head) -> Vec<u8> {
    let state = State {
        first: 1,
        last: 0,
        head,
        size: size as u64,
    };
    let slot = Slot {
        generation: 1,
        body: state.to_bytes(),
    };
    let mut bytes = vec![0; size];
    let at = usize::try_from(slot.place()).expect("it is one of the first pages");
    let slot = slot.to_bytes(MAGIC);
    bytes[at..at + slot.len()].copy_from_slice(&slot);
    bytes
}

/// Whether the file of a journal is missing, or knows no record and holds no frame, not even a damaged one.
pub(crate) fn is_blank(path: &Path) -> bool {
    let Ok(bytes) = servanda_files::read_regular(path, MAX_BYTES) else {
        return matches!(path.try_exists(), Ok(false));
    };
    let state = Slot::newest(&bytes, MAGIC).and_then(|slot| State::from_bytes(&slot.body));
    let knows_none = state.is_none_or(|state| state.head == Head::EMPTY);
    let frames = bytes.get(START..).unwrap_or_default();
    knows_none && frames.iter().all(|byte| *byte == 0)
}

/// Whether a journal knows no record and holds no whole frame: a frame that a power cut tore was never committed.
pub(crate) fn is_empty(path: &Path) -> bool {
    let Ok(bytes) = servanda_files::read_regular(path, MAX_BYTES) else {
        return false;
    };
    let state = Slot::newest(&bytes, MAGIC).and_then(|slot| State::from_bytes(&slot.body));
    state.is_some_and(|state| state.head == Head::EMPTY && scan(&bytes, state.first).0.is_empty())
}

fn failed(doing: &str, path: &Path, source: io::Error) -> LogError {
    LogError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

fn damaged(path: &Path, what: &str) -> LogError {
    LogError::Damaged {
        what: format!("{}: {what}", path.display()),
        resume: None,
    }
}

/// Reads the slots of a file, and gives as many bytes as it has, the others as zeros.
fn slots(medium: &dyn Medium) -> io::Result<Vec<u8>> {
    let length = usize::try_from(medium.length()?.min(MAX_BYTES)).unwrap_or(0);
    let mut bytes = vec![0; length];
    medium.read_at(0, &mut bytes[..length.min(START)])?;
    Ok(bytes)
}

/// Reads the frames from this number on, and of all other pages the beginning: few of the bytes mean anything.
fn read_frames(medium: &dyn Medium, bytes: &mut [u8], first: u64) -> io::Result<()> {
    for at in (START..bytes.len()).step_by(PAGE) {
        let rest = &mut bytes[at..];
        let head = frame::HEADER_LEN.min(rest.len());
        medium.read_at(at as u64, &mut rest[..head])?;
        if let Some(length) = frame::announced(rest, first) {
            let length = length.min(rest.len());
            medium.read_at(at as u64, &mut rest[..length])?;
        }
    }
    Ok(())
}

/// Finds every whole frame from this number on, and the end of the last. Looks at each page, so that a damaged frame
/// does not hide later ones.
fn scan(bytes: &[u8], first: u64) -> (Vec<Frame>, usize) {
    let mut frames: Vec<Frame> = Vec::new();
    let (mut at, mut end) = (START, START);
    while at < bytes.len() {
        let due = frames.last().map_or(first, |last| last.number + 1);
        if let Some((frame, room)) = frame::parse(&bytes[at..], due) {
            frames.push(frame);
            at += room;
            end = at;
        } else {
            at += PAGE;
        }
    }
    (frames, end)
}
