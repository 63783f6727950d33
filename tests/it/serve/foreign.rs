//! The API, tried by programs of other makers: schemathesis, a Python client that is generated from the description, and a
//! client of C2SP tlog-tiles. `tests/all.sh` installs the first two and names them in `SERVANDA_SCHEMATHESIS` and
//! `SERVANDA_OPENAPI_CLIENT`.

use std::path::{Path, PathBuf};
use std::process::Command;

use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Error, Hash, HashReader, Tile, TileHashReader, TileReader};

use super::client::{Client, Serving};
use super::{communique, note};
use crate::program::Scratch;

/// The directory of something installed; none, with a line that says so, where it is not.
fn installed(variable: &str) -> Option<PathBuf> {
    let installed = std::env::var_os(variable).map(PathBuf::from);
    let installed = installed.filter(|path| path.is_dir());
    if installed.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{variable}");
        println!("SKIPPED: {variable} names no directory of what tests/all.sh installs");
    }
    installed
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/serve/foreign")
        .join(name)
}

/// Runs Python with what is installed, in a directory of its own.
fn python(paths: &[&Path], within: &Scratch, words: &[&str]) {
    let paths = std::env::join_paths(paths).unwrap();
    let mut python = Command::new("python3");
    python.arg("-B").args(words).env("PYTHONPATH", paths);
    let output = python.current_dir(within.path(".")).output().unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

/// The description of the API, as a file.
fn description(serving: &Serving, scratch: &Scratch) -> String {
    let document = Client::of(serving).get("/api/v1/openapi.json");
    let file = scratch.write("openapi.json", document.bytes);
    file.display().to_string()
}

/// No request that the description allows is refused as malformed, none that it forbids is taken, and every answer is as it
/// says. The requests are the same in each run.
#[test]
fn schemathesis_finds_nothing() {
    let Some(installed) = installed("SERVANDA_SCHEMATHESIS") else {
        return;
    };
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let description = description(&serving, &scratch);
    let config = file("schemathesis.toml").display().to_string();
    let url = format!("http://{}", serving.address());
    let token = format!("Authorization: Bearer {}", serving.token());
    // What reads is asked in every way; what records has so many kinds of events that some of them must do. One operation is a
    // stream, which ends when the client leaves.
    let reads = "--exclude-operation-id=get_events --exclude-operation-id=post_events --phases=coverage,fuzzing --max-examples=4";
    let records = "--include-operation-id=post_events --phases=fuzzing --max-examples=40";
    for asked in [reads, records] {
        let mut words = vec!["-m", "schemathesis.cli", "--config-file", &config];
        words.extend(["run", &description, "--url", &url, "--header", &token]);
        words.extend(["--seed", "1"]);
        words.extend(asked.split(' '));
        python(&[&installed], &scratch, &words);
    }
    // It was asked much, and recorded nothing that is not sound.
    let (code, said) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{said}");
    scratch.run(&["verify"]).ok();
}

#[test]
fn a_generated_client_lists_records_and_proves() {
    let Some(installed) = installed("SERVANDA_OPENAPI_CLIENT") else {
        return;
    };
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let description = description(&serving, &scratch);
    let config = scratch.write("generate.yaml", "post_hooks: []\n");
    let config = config.display().to_string();
    let client = scratch
        .path("generated/servanda_client")
        .display()
        .to_string();
    std::fs::create_dir(scratch.path("generated")).unwrap();
    let generate = [
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        &description,
        "--meta",
        "none",
        "--output-path",
        &client,
        "--config",
        &config,
    ];
    python(&[&installed], &scratch, &generate);
    let script = file("client.py").display().to_string();
    let url = format!("http://{}", serving.address());
    let generated = scratch.path("generated");
    python(
        &[&installed, &generated],
        &scratch,
        &[&script, &url, serving.token()],
    );
}

/// Reads tiles over HTTP. The foreign client puts the height of tiles into their paths, which tlog-tiles leaves out.
struct Tiles(Client);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let answer = self.0.get(&format!("/api/v1/{path}"));
            match answer.status {
                200 => Ok(answer.bytes),
                _ => Err(Error::InvalidTile),
            }
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn a_foreign_client_reads_the_checkpoint_and_finds_records_in_the_tiles() {
    let scratch = Scratch::with_ledger();
    let lines: String = (1..600)
        .map(|number| format!("{}\n", note(&number.to_string())))
        .collect();
    let notes = scratch.write("notes.ndjson", lines).display().to_string();
    scratch.run(&["import", &notes]).ok();
    let key = scratch.path("log.key").display().to_string();
    let made = scratch.run(&[
        "key",
        "generate",
        "--name",
        "example.org/test",
        "--out",
        &key,
    ]);
    let verifier = StandardVerifier::new(made.ok().trim()).unwrap();
    let serving = Serving::start(&scratch, &["--key", &key]);
    let client = serving.starter();
    let signed = Note::from_bytes(&client.get("/api/v1/checkpoint").bytes).unwrap();
    let (verified, _) = signed
        .verify(&VerifierList::new(vec![Box::new(verifier)]))
        .unwrap();
    assert_eq!(verified.len(), 1);
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(signed.text()).unwrap();
    assert_eq!(
        (checkpoint.origin(), checkpoint.size()),
        ("example.org/test", 600)
    );
    let tiles = Tiles(client.clone());
    let size = checkpoint.size();
    let reader = TileHashReader::new(size, *checkpoint.hash(), &tiles);
    for number in [0, 255, 256, 511, 599] {
        let proof = tlog_tiles::prove_record(size, number, &reader).unwrap();
        let opened = client
            .get(&format!("/api/v1/records/{number}/opened"))
            .json();
        let bytes = bytes_of(opened["record"].as_str().unwrap());
        let leaf = tlog_tiles::record_hash(&bytes[..128]);
        tlog_tiles::check_record(&proof, size, *checkpoint.hash(), number, leaf).unwrap();
    }
    let older: Hash = tlog_tiles::tree_hash(300, &reader).unwrap();
    let proof = tlog_tiles::prove_tree(size, 300, &reader).unwrap();
    tlog_tiles::check_tree(&proof, size, *checkpoint.hash(), 300, older).unwrap();
    // A root that is not the one of the tiles is noticed.
    let other = TileHashReader::new(size, older, &tiles);
    assert!(
        other
            .read_hashes(&[tlog_tiles::stored_hash_index(0, 5)])
            .is_err()
    );
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}
