//! Records verbatim, in hexadecimal.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;

use super::error::CliError;
use servanda_core::chain::record::Record;
use servanda_core::ranges::CHUNK;
use servanda_log::Log;

/// Writes the records of a log as they are stored, even unsound ones, which the reader must find.
pub fn write_raw(log: &impl Log, out: &mut impl Write) -> Result<io::Result<()>, CliError> {
    let head = log.head()?;
    let mut next = 0;
    loop {
        let chunk = log.read(next, CHUNK)?;
        let Some(last) = chunk.last() else { break };
        next = last.seq + 1;
        for stored in &chunk {
            let link = Record::open(&stored.sealed)
                .ok()
                .map(|record| record.header.link().to_string());
            let object = json!({
                "seq": stored.seq,
                "link": link,
                "record": hex(&stored.sealed.0),
            });
            if let Err(error) = writeln!(out, "{object}") {
                return Ok(Err(error));
            }
        }
    }
    let head = json!({"head": {"count": head.count, "link": head.link.to_string()}});
    Ok(writeln!(out, "{head}"))
}

/// Writes bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads bytes in hexadecimal.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}
