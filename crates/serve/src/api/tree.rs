//! The tree over the records: checkpoints, proofs, and the tiles of C2SP tlog-tiles, whose prefix is `/api/v1`.

use serde_json::{Value, json};
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::proof::TlogProof;
use servanda_core::chain::tile::{Address, Part};
use servanda_core::chain::tree;
use servanda_http::{Head, Reply};
use servanda_ledger::{LedgerError, tiles};

use super::records::number;
use crate::access::Needs;
use crate::exchange::{Answered, Exchange, JSON, Route, TEXT, head};
use crate::problem::Problem;
use crate::shared::Snapshot;

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
        path: "/api/v1/cosigned",
        needs: Needs::Audit,
        about: "The newest checkpoint that witnesses cosigned, a signed note",
        parameters: &[],
        gives: &["text/plain"],
        handle: cosigned,
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
        about: "A tile of hashes, or a bundle of entries, which are the headers of records: C2SP tlog-tiles; or a bundle of whole records",
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

/// The most bytes of a note.
const NOTE_BYTES: u64 = 1_000_000;

fn cosigned(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let nothing = || Problem::not_found("no witness cosigned a checkpoint of this ledger");
    let path = exchange.context.options.cosigned.as_ref();
    let note = servanda_files::read_regular(path.ok_or_else(nothing)?, NOTE_BYTES);
    let note = note.map_err(|error| match error.is_missing() {
        true => nothing(),
        false => Problem::new(500, "failed", error.to_string()),
    })?;
    reply.send(head(200, TEXT), note);
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

fn tile(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let nothing = || Problem::not_found("there is no such tile");
    let path = format!("tile/{}", exchange.segment());
    let address = Address::parse(&path).ok_or_else(nothing)?;
    let snapshot = exchange.snapshot();
    if !address.is_in(snapshot.head().count) {
        return Err(nothing());
    }
    let bytes = snapshot.hashes(|hashes| tiles::bytes(hashes, address))?;
    // A tile never changes. The payload of a record may be erased.
    let keep = match address.part {
        Part::Records => "private, no-cache",
        Part::Hashes(_) | Part::Entries => "private, max-age=604800, immutable",
    };
    let head = Head::new(200, BYTES)
        .with("cache-control", keep)
        .with("x-content-type-options", "nosniff");
    reply.send(head, bytes);
    Ok(())
}
