//! What an auditor takes: raw records, checkpoints, proofs and tiles.

use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::tree::{MemoryLeaves, TreeHash, leaf_hash, node_hash, root};

use super::client::{Client, Serving};
use super::{communique, note};
use crate::program::Scratch;

#[test]
fn raw_records_are_the_raw_export() {
    let scratch = communique();
    let expected = scratch.records();
    let serving = Serving::start(&scratch, &["--public-read", "--read-only"]);
    let raw = Client::of(&serving).get("/api/v1/raw");
    assert_eq!(raw.body, expected);
    assert!(raw.is_whole);
    drop(serving);
    let file = scratch.write("raw.ndjson", raw.bytes);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify.py");
    let verified = std::process::Command::new("python3")
        .arg(script)
        .arg(file)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn proofs_and_signed_checkpoints_are_checked_by_the_command_line() {
    let scratch = communique();
    let key = scratch.path("log.key").display().to_string();
    let made = scratch
        .run(&[
            "key",
            "generate",
            "--name",
            "example.org/test",
            "--out",
            &key,
        ])
        .ok();
    let vkey = made.trim();
    let serving = Serving::start(&scratch, &["--key", &key]);
    let client = serving.starter();
    client.post_json("/api/v1/events", &note("one more"));
    let checkpoint = client.get("/api/v1/checkpoint");
    let signed = SignedCheckpoint::parse(&checkpoint.bytes).unwrap();
    let proof = client.get("/api/v1/proof/5");
    let opened = client.get("/api/v1/records/5/opened");
    assert_eq!((proof.status, opened.status), (200, 200));
    drop(serving);
    let checkpoint = scratch.write("kept.checkpoint", checkpoint.bytes);
    scratch
        .run(&[
            "verify",
            "--against",
            &checkpoint.display().to_string(),
            "--log-key",
            vkey,
        ])
        .ok();
    let proof = scratch.write("5.tlog-proof", proof.bytes);
    scratch.write("5.json", opened.bytes);
    scratch
        .run(&[
            "check-proof",
            &proof.display().to_string(),
            "--log-key",
            vkey,
        ])
        .ok();
    assert_eq!(signed.unverified().origin(), "example.org/test");
}

/// A ledger of so many records.
fn of(records: usize) -> Scratch {
    let scratch = Scratch::with_ledger();
    let lines: String = (1..records)
        .map(|number| format!("{{\"event\":\"note\",\"text\":\"{number}\"}}\n"))
        .collect();
    let file = scratch.write("notes.ndjson", lines);
    scratch.run(&["import", &file.display().to_string()]).ok();
    scratch
}

fn hashes(bytes: &[u8]) -> Vec<TreeHash> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    assert!(rest.is_empty());
    hashes
        .iter()
        .map(|hash| TreeHash::from_bytes(*hash))
        .collect()
}

/// The root over a power of two of hashes.
fn complete(mut hashes: Vec<TreeHash>) -> TreeHash {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(2)
            .map(|pair| node_hash(&pair[0], &pair[1]))
            .collect();
    }
    hashes[0]
}

#[test]
fn tiles_are_the_tree_under_the_checkpoint() {
    let scratch = of(2 * 256 + 70);
    let serving = Serving::start(&scratch, &["--public-read", "--read-only"]);
    let client = Client::of(&serving);
    let checkpoint: Checkpoint = client.get("/api/v1/checkpoint").body.parse().unwrap();
    assert_eq!(checkpoint.size(), 582);
    let mut leaves = Vec::new();
    for part in ["000", "001", "002.p/70"] {
        let tile = client.get(&format!("/api/v1/tile/0/{part}"));
        assert_eq!(tile.status, 200, "{part}");
        let tile = hashes(&tile.bytes);
        // The entries of the bundle beside a tile are what its hashes are of.
        let bundle = client.get(&format!("/api/v1/tile/entries/{part}")).bytes;
        let mut rest = bundle.as_slice();
        for leaf in &tile {
            let (length, after) = rest.split_first_chunk::<2>().unwrap();
            let (entry, after) = after.split_at(u16::from_be_bytes(*length).into());
            assert_eq!(leaf_hash(entry), *leaf);
            rest = after;
        }
        assert!(rest.is_empty());
        leaves.extend(tile);
    }
    let all: MemoryLeaves = leaves.iter().copied().collect();
    assert_eq!(root(&all, 582).unwrap(), *checkpoint.root());
    let above = hashes(&client.get("/api/v1/tile/1/000.p/2").bytes);
    let whole = leaves
        .chunks(256)
        .take(2)
        .map(|tile| complete(tile.to_vec()));
    assert_eq!(above, whole.collect::<Vec<_>>());
    // A part of a tile that has grown is still there; what is not there yet is not.
    assert_eq!(
        hashes(&client.get("/api/v1/tile/0/000.p/9").bytes),
        leaves[..9]
    );
    for nothing in [
        "0/002",
        "0/002.p/71",
        "1/000",
        "2/000.p/1",
        "entries/003.p/1",
        "0/x001/000",
    ] {
        assert_eq!(
            client.get(&format!("/api/v1/tile/{nothing}")).status,
            404,
            "{nothing}"
        );
    }
}
