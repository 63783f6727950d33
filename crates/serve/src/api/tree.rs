//! The tree over the records: checkpoints, proofs, and the tiles of C2SP tlog-tiles, whose prefix is `/api/v1`.

use serde_json::{Value, json};
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::proof::TlogProof;
use servanda_core::chain::record::RecordRef;
use servanda_core::chain::tree::{self, Leaves as _, leaf_hash};
use servanda_http::{Head, Reply};
use servanda_ledger::LedgerError;
use servanda_log::Log as _;

use super::records::number;
use crate::access::Needs;
use crate::exchange::{Answered, Exchange, JSON, Route, TEXT, head};
use crate::problem::Problem;
use crate::shared::Snapshot;

/// Hashes of a tile, and entries of a bundle.
const TILE: u64 = 256;

/// The highest level of tiles.
const LEVELS: u8 = 5;

const BYTES: &str = "application/octet-stream";

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/api/v1/checkpoint",
        needs: Needs::Audit,
        about: "The checkpoint of the ledger as it is: a signed note where the server has the log's key, else its text",
        parameters: &[],
        gives: &["text/plain"],
        handle: checkpoint,
    },
    Route {
        method: "GET",
        path: "/api/v1/proof/{number}",
        needs: Needs::Audit,
        about: "The proof that a record is in the ledger: C2SP tlog-proof where the server has the log's key; hashes as JSON with format=json",
        parameters: &["format"],
        gives: &["text/plain", JSON],
        handle: proof,
    },
    Route {
        method: "GET",
        path: "/api/v1/consistency/{number}",
        needs: Needs::Audit,
        about: "The proof that the first so many records are the beginning of those that there are now",
        parameters: &[],
        gives: &[JSON],
        handle: consistency,
    },
    Route {
        method: "GET",
        path: "/api/v1/tile/{*rest}",
        needs: Needs::Audit,
        about: "A tile of hashes, or a bundle of entries, which are the headers of records: C2SP tlog-tiles",
        parameters: &[],
        gives: &[BYTES],
        handle: tile,
    },
];

/// The checkpoint, signed if the server has the key.
fn signed(
    exchange: &Exchange<'_>,
    snapshot: &Snapshot,
) -> Result<Option<SignedCheckpoint>, Problem> {
    let Some(key) = &exchange.context.options.log_key else {
        return Ok(None);
    };
    let checkpoint = unsigned(snapshot)?.clone();
    let signed = SignedCheckpoint::sign(checkpoint, key);
    signed
        .map(Some)
        .map_err(|error| Problem::new(500, "failed", error.to_string()))
}

fn unsigned(snapshot: &Snapshot) -> Result<&servanda_core::chain::checkpoint::Checkpoint, Problem> {
    let lacking =
        || Problem::not_found("the origin of this ledger is no name that a checkpoint can have");
    snapshot.checkpoint().ok_or_else(lacking)
}

fn checkpoint(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let text = match signed(exchange, &snapshot)? {
        Some(signed) => signed.to_string(),
        None => unsigned(&snapshot)?.to_string(),
    };
    reply.send(head(200, TEXT).with("etag", exchange.etag(&snapshot)), text);
    Ok(())
}

fn hashes(hashes: &[tree::TreeHash]) -> Value {
    hashes
        .iter()
        .map(|hash| Value::from(hash.to_string()))
        .collect()
}

fn proof(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&["format"])?;
    let snapshot = exchange.snapshot();
    let seq = number(exchange, &snapshot)?;
    let size = snapshot.head().count;
    let path = snapshot.hashes(|hashes| {
        tree::prove_inclusion(hashes, seq.0, size)
            .map_err(|error| LedgerError::Tree(error.to_string()))
    })?;
    let format = exchange.query.get("format");
    if format.is_some_and(|format| format != "json") {
        return Err(Problem::parameter("format", "is json, or left out"));
    }
    if format.is_some() {
        let checkpoint = unsigned(&snapshot)?;
        let answer = json!({
            "index": seq.0, "size": size, "hashes": hashes(&path),
            "root": checkpoint.root().to_string(), "checkpoint": checkpoint.to_string(),
        });
        return exchange.json(reply, &snapshot, &answer);
    }
    let Some(signed) = signed(exchange, &snapshot)? else {
        let message = "the server has no key of the log, so that it signs no proof; format=json gives the hashes";
        return Err(Problem::new(409, "unavailable", message));
    };
    let proof = TlogProof::new(seq.0, path, signed);
    let proof = proof.map_err(|error| Problem::new(500, "failed", error.to_string()))?;
    let name = format!("attachment; filename=\"{seq}.tlog-proof\"");
    let head = head(200, TEXT)
        .with("content-disposition", name)
        .with("etag", exchange.etag(&snapshot));
    reply.send(head, proof.to_string());
    Ok(())
}

fn consistency(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let size = snapshot.head().count;
    let old = exchange
        .segment()
        .parse::<u64>()
        .ok()
        .filter(|old| *old <= size);
    let old = old.ok_or_else(|| Problem::not_found("there are not so many records"))?;
    let path = snapshot.hashes(|hashes| {
        tree::prove_consistency(hashes, old, size)
            .map_err(|error| LedgerError::Tree(error.to_string()))
    })?;
    let checkpoint = unsigned(&snapshot)?;
    let answer = json!({
        "old": old, "size": size, "hashes": hashes(&path), "checkpoint": checkpoint.to_string(),
    });
    exchange.json(reply, &snapshot, &answer)
}

/// What a path below `tile/` asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// The level; none for a bundle of entries.
    level: Option<u8>,
    index: u64,
    width: u64,
}

impl Wanted {
    /// Reads `<L>/<N>` or `entries/<N>`, with `.p/<W>` behind a partial one.
    fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            level => Some(
                level
                    .parse()
                    .ok()
                    .filter(|found: &u8| *found <= LEVELS && found.to_string() == level)?,
            ),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, TILE),
            Some((index, width)) => {
                let found = width.parse().ok().filter(|found: &u64| {
                    (1..TILE).contains(found) && found.to_string() == width
                })?;
                (index, found)
            }
        };
        let mut parts = index.split('/').peekable();
        let mut number: u64 = 0;
        while let Some(part) = parts.next() {
            let digits = match parts.peek() {
                Some(_) => part.strip_prefix('x')?,
                None => part,
            };
            let is_number = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
            let part: u64 = digits.parse().ok().filter(|_| is_number)?;
            number = number.checked_mul(1_000)?.checked_add(part)?;
        }
        Some(Self {
            level,
            index: number,
            width,
        })
    }
}

fn tile(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let nothing = || Problem::not_found("there is no such tile");
    let wanted = Wanted::parse(exchange.segment()).ok_or_else(nothing)?;
    let snapshot = exchange.snapshot();
    let shift = 8 * u32::from(wanted.level.unwrap_or(0));
    let there = snapshot.head().count >> shift;
    let first = wanted.index.checked_mul(TILE).ok_or_else(nothing)?;
    if there.saturating_sub(first) < wanted.width {
        return Err(nothing());
    }
    let bytes = match wanted.level {
        None => headers(&snapshot, first, wanted.width, |bundle, header| {
            bundle.extend(
                u16::try_from(header.len())
                    .unwrap_or(u16::MAX)
                    .to_be_bytes(),
            );
            bundle.extend_from_slice(header);
        })?,
        Some(0) => headers(&snapshot, first, wanted.width, |tile, header| {
            tile.extend(leaf_hash(header).as_bytes());
        })?,
        Some(level) => snapshot.hashes(|hashes| {
            let mut tile = Vec::new();
            for node in first..first + wanted.width {
                tile.extend(hashes.subtree(node << shift, 8 * level)?.as_bytes());
            }
            Ok(tile)
        })?,
    };
    // What is complete never changes.
    let head = Head::new(200, BYTES)
        .with("cache-control", "private, max-age=604800, immutable")
        .with("x-content-type-options", "nosniff");
    reply.send(head, bytes);
    Ok(())
}

/// What is made of the headers of records.
fn headers(
    snapshot: &Snapshot,
    first: u64,
    count: u64,
    mut add: impl FnMut(&mut Vec<u8>, &[u8]),
) -> Result<Vec<u8>, Problem> {
    let (log, mut next, mut bytes) = (snapshot.log(), first, Vec::new());
    while next < first + count {
        let seq = next;
        let broken = |what: &str| LedgerError::Broken {
            seq,
            what: what.to_owned(),
        };
        let left = usize::try_from(first + count - next).unwrap_or(usize::MAX);
        let read = log.read(next, left).map_err(LedgerError::from)?;
        if read.first().is_none_or(|stored| stored.seq != next) {
            return Err(broken("it is missing").into());
        }
        for stored in read.iter().take(left) {
            let record = RecordRef::peek(&stored.sealed.0);
            let record = record.map_err(|error| broken(&error.to_string()))?;
            add(&mut bytes, record.header_bytes);
            next = stored.seq + 1;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_tiles_are_those_of_the_specification() {
        let wanted = |level, index, width| {
            Some(Wanted {
                level,
                index,
                width,
            })
        };
        assert_eq!(
            Wanted::parse("0/x001/x234/067"),
            wanted(Some(0), 1_234_067, 256)
        );
        assert_eq!(Wanted::parse("1/000.p/7"), wanted(Some(1), 0, 7));
        assert_eq!(
            Wanted::parse("entries/x001/000.p/255"),
            wanted(None, 1_000, 255)
        );
        for wrong in [
            "",
            "0",
            "0/",
            "0/1",
            "00/001",
            "6/001",
            "0/001.p/0",
            "0/001.p/256",
            "0/001.p/07",
            "0/x001",
            "0/001/002",
            "0/x01/001",
            "0/+01",
            "data/001",
        ] {
            assert_eq!(Wanted::parse(wrong), None, "{wrong}");
        }
    }
}
