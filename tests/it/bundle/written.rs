//! Bundles as the program writes them.

use super::*;

/// A ledger made on the command line, with a recorder, a rotation, a revocation and an acknowledgement.
fn signed_on_the_command_line() -> Scratch {
    let scratch = Scratch::with_ledger();
    let key = |name: &str, file: &str| {
        let public = scratch
            .run(&["key", "generate", "--name", name, "--out", file])
            .ok();
        public.trim().to_owned()
    };
    let (first, second) = (key("alice", "alice.key"), key("alice", "alice2.key"));
    let colombia = key("colombia", "colombia.key");
    fs::write(scratch.path("log.vkey"), key("example.org/test", "log.key")).unwrap();
    let record = |words: &[&str]| scratch.run(&[&["record"], words].concat()).ok();
    record(&["party", "colombia", "--kind", "state", "--name", "Colombia"]);
    record(&[
        "agreement",
        "A1",
        "--title",
        "Roadmap",
        "--party",
        "colombia",
    ]);
    record(&["recorder", "alice", "--key", &first]);
    let note = |key: &str| {
        let by = ["--recorded-by", "alice", "--sign-with", key];
        record(&[&["note", "--text", "n"], &by[..]].concat());
    };
    note("alice.key");
    let both = ["--sign-with", "alice.key,alice2.key"];
    record(&[&["recorder-rotated", "alice", "--key", &second], &both[..]].concat());
    note("alice2.key");
    record(&["party-key", "colombia", "--key", &colombia]);
    let acknowledge = ["acknowledge", "A1", "--party", "colombia"];
    scratch
        .run(&[&acknowledge[..], &["--key", "colombia.key"]].concat())
        .ok();
    record(&["recorder-revoked", "alice", "--reason", "left"]);
    scratch.run(&["verify"]).ok();
    scratch
}

/// The files of a tar archive, in their order, each with its mode and time.
fn unpack(tar: &[u8]) -> Vec<(String, u32, u64, Vec<u8>)> {
    let mut archive = tar::Archive::new(tar);
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        (name, mode, time, bytes)
    });
    files.collect()
}

#[test]
fn a_bundle_verifies_itself_without_this_program() {
    let scratch = signed_on_the_command_line();
    let export = ["export", "--bundle", "a.tar", "--key", "log.key"];
    let said = scratch.run(&export).ok();
    assert_eq!(said, "a.tar\n");
    let tar = fs::read(scratch.path("a.tar")).unwrap();
    scratch.run(&[&export[..], &["--force"]].concat()).ok();
    assert!(tar == fs::read(scratch.path("a.tar")).unwrap());
    let mode = fs::metadata(scratch.path("a.tar")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o600, 0o600);

    let files = unpack(&tar);
    let names: Vec<&str> = files.iter().map(|file| file.0.as_str()).collect();
    let expected = [
        "records.ndjson",
        "checkpoint",
        "format.md",
        "verify.py",
        "verify.js",
        "verify.html",
        "README.txt",
    ];
    assert_eq!(names, expected);
    let out = scratch.path("out");
    fs::create_dir(&out).unwrap();
    for (name, mode, time, bytes) in &files {
        assert_eq!((*mode, *time), (0o644, 0), "{name}");
        fs::write(out.join(name), bytes).unwrap();
    }
    assert_eq!(
        fs::read_to_string(out.join("records.ndjson")).unwrap(),
        scratch.records()
    );
    let at = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let vkey = scratch.path("log.vkey");
    let verify = |records: &str| {
        let options = [
            &at("verify.py"),
            records,
            "--checkpoint",
            &at("checkpoint"),
            "--log-key",
            vkey.to_str().unwrap(),
        ];
        python(&options, "")
    };
    let ran = verify(&at("records.ndjson"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout
            .contains("signatures of recorders and parties: 5"),
        "{}",
        ran.stdout
    );
    if let Some(mut command) = javascript::node(&at("verify.js")) {
        let checkpoint = at("checkpoint");
        command.args([
            &at("records.ndjson"),
            "--checkpoint",
            &checkpoint,
            "--log-key",
        ]);
        command.arg(&vkey);
        let other = piped(command, "");
        let [one, other] = [&ran, &other].map(|ran| (ran.code.unwrap().into(), &*ran.stdout));
        assert_eq!(javascript::difference(one, other), None);
    }
    let checkpoint = fs::read_to_string(out.join("checkpoint")).unwrap();
    let root = checkpoint.lines().nth(2).unwrap();
    assert!(ran.stdout.contains(root), "{}", ran.stdout);

    // Somebody cuts the records in the bundle, and makes the head line fit.
    let all = lines(&scratch.records());
    let last: BTreeMap<String, serde_json::Value> = serde_json::from_str(&all[3]).unwrap();
    let head = serde_json::json!({"head": {"count": 4, "link": last["link"]}});
    let cut = [&all[..4], &[head.to_string()]].concat();
    let cut = scratch.write("cut.ndjson", joined(&cut));
    let ran = verify(cut.to_str().unwrap());
    assert_eq!(ran.code, Some(BROKEN), "{}", ran.stdout);
    assert!(ran.stdout.contains(": anchor: "), "{}", ran.stdout);

    let readme = fs::read_to_string(out.join("README.txt")).unwrap();
    for part in [
        "python3 verify.py records.ndjson --checkpoint checkpoint --log-key",
        "example.org/test",
        "does not prove",
    ] {
        assert!(readme.contains(part), "{readme}");
    }
}

#[test]
fn a_bundle_carries_the_cosigned_checkpoint_and_the_policy() {
    let scratch = signed_on_the_command_line();
    let witness = [
        "key",
        "generate",
        "--witness",
        "--name",
        "w.example/1",
        "--out",
    ];
    let witness = scratch.run(&[&witness[..], &["w.key"]].concat()).ok();
    let log = fs::read_to_string(scratch.path("log.vkey")).unwrap();
    let policy = format!(
        "# mine\nlog {log}\nwitness w {}\nquorum w\n",
        witness.trim()
    );
    scratch.write("w.policy", policy);
    let mut signed: SignedCheckpoint = scratch
        .run(&["checkpoint", "--key", "log.key"])
        .ok()
        .parse()
        .unwrap();
    let text = fs::read_to_string(scratch.path("w.key")).unwrap();
    let key = SigningKey::parse(text.trim()).unwrap();
    let line = signed.cosign(&key, 1_700_000_000).unwrap();
    signed.add_cosignature(line, key.verifier()).unwrap();
    fs::write(scratch.ledger().join("cosigned"), signed.to_string()).unwrap();

    scratch
        .run(&["export", "--bundle", "b.tar", "--policy", "w.policy"])
        .ok();
    let files = unpack(&fs::read(scratch.path("b.tar")).unwrap());
    let out = scratch.path("out");
    fs::create_dir(&out).unwrap();
    for (name, _, _, bytes) in &files {
        fs::write(out.join(name), bytes).unwrap();
    }
    let at = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let options = [
        &at("verify.py"),
        &at("records.ndjson"),
        "--checkpoint",
        &at("checkpoint"),
        "--checkpoint",
        &at("cosigned"),
        "--policy",
        &at("policy"),
    ];
    let options: Vec<&str> = options.iter().map(AsRef::as_ref).collect();
    let ran = python(&options, "");
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let readme = fs::read_to_string(out.join("README.txt")).unwrap();
    let command = "--checkpoint checkpoint --checkpoint cosigned --policy policy";
    assert!(readme.contains(command), "{readme}");
}

#[test]
fn a_bundle_is_written_whole_or_not_at_all() {
    let scratch = Scratch::with_ledger();
    scratch.write("old.tar", "what was there");
    let refused = [
        &["--key", "no.key"][..],
        &["--policy", "no.policy"],
        &["--raw"],
    ];
    for more in refused {
        let words = [&["export", "--bundle", "old.tar"], more].concat();
        let outcome = scratch.run(&words);
        assert_ne!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(
            fs::read(scratch.path("old.tar")).unwrap(),
            b"what was there"
        );
    }
    scratch
        .run(&["export", "--key", "log.key"])
        .fails(2, &["--bundle"]);
}
