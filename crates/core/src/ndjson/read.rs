//! Lines of an input, parsed one after the other.

use std::io::{BufRead, Read};

use super::line::{Defaults, Line, LineError};
use super::parse::parse_line;
use crate::event::{Fields, Kind};

/// The longest line, in bytes. A payload has at most 64 KiB, and JSON may write a byte as six.
pub const LINE_LIMIT: usize = 1024 * 1024;

/// An iterator over the lines of an input; it skips empty lines.
pub struct Lines<R> {
    input: R,
    number: usize,
    buffer: Vec<u8>,
    defaults: Defaults,
    bytes: u64,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads from an input.
    pub fn new(input: R, defaults: Defaults) -> Self {
        Self {
            input,
            number: 0,
            buffer: Vec::new(),
            defaults,
            bytes: 0,
            ended: false,
        }
    }

    /// The number of bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next line into the buffer and returns its length; none at the end. Bytes over the limit are counted
    /// and not kept.
    fn advance(&mut self) -> std::io::Result<Option<usize>> {
        const ROOM: u64 = LINE_LIMIT as u64 + 1;
        let mut length = 0;
        loop {
            self.buffer.clear();
            let mut part = self.input.by_ref().take(ROOM);
            let read = part.read_until(b'\n', &mut self.buffer)?;
            self.bytes += read as u64;
            length += read;
            if self.buffer.last() == Some(&b'\n') {
                self.buffer.pop();
                self.number += 1;
                return Ok(Some(length - 1));
            }
            if (read as u64) < ROOM {
                let is_last = length > 0;
                self.number += usize::from(is_last);
                return Ok(is_last.then_some(length));
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    /// A line, or all its errors. An error of reading ends the iterator.
    type Item = Result<Line, Vec<LineError>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.advance() {
                Ok(None) => self.ended = true,
                Ok(Some(length)) if length > LINE_LIMIT => {
                    let message = format!("has {length} bytes; the limit is {LINE_LIMIT}");
                    return Some(Err(vec![LineError::whole(self.number, message)]));
                }
                Ok(Some(_)) => match parse_line(&self.buffer, self.number, None) {
                    Ok(Some(object)) => return Some(object.line(self.number, &self.defaults)),
                    Ok(None) => {}
                    Err(errors) => return Some(Err(errors)),
                },
                Err(error) => {
                    self.ended = true;
                    let message = format!("cannot be read: {error}");
                    return Some(Err(vec![LineError::whole(self.number + 1, message)]));
                }
            }
        }
        None
    }
}

/// Reads one object, which may take several lines. `kind` is its kind if it names none. An empty text gives none.
///
/// # Errors
/// All errors in the object.
pub fn read_one(text: &[u8], kind: Kind) -> Result<Option<(Kind, Fields)>, Vec<LineError>> {
    if text.len() > LINE_LIMIT {
        return Err(vec![LineError::whole(
            1,
            format!("has more than {LINE_LIMIT} bytes"),
        )]);
    }
    let object = parse_line(text, 1, Some(kind))?;
    Ok(object.map(|object| (object.kind, object.fields_given())))
}
