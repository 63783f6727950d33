//! What holds beside the table.

use super::*;

/// No byte of a record is without a guard, whichever it is.
#[test]
fn a_byte_changed_anywhere_is_found() {
    let honest = Honest::get();
    let honest_bytes = seal(&honest.records());
    let head = head_of(&honest.records());
    let in_header = [0, 1, 8, 15, 16, 24, 28, 32, 63, 64, 95, 96, 127];
    for seq in [0, 5, SIGNED, RECORDS - 1] {
        let len = honest_bytes[seq].0.len();
        let behind = [
            HEADER_LEN,
            HEADER_LEN + 1,
            HEADER_LEN + 16,
            HEADER_LEN + 17,
            len - 1,
        ];
        for at in in_header.into_iter().chain(behind) {
            for bit in [1, 0x80] {
                let mut sealed = honest_bytes.clone();
                sealed[seq].tamper(|bytes| bytes[at] ^= bit);
                // sled keeps bytes as they are: one directory of all would do, but for the time it takes.
                let verdict = verify(&MemoryLog::of(sealed, head), &mut Unwatched).unwrap();
                assert!(!verdict.is_sound(), "byte {at} of record {seq}");
            }
        }
        let (_scratch, dir) = honest.copied();
        flip(honest, &dir, seq, |len| len / 2);
        let verdict = verify(&opened(&dir), &mut Unwatched).unwrap();
        assert!(!verdict.is_sound(), "record {seq}");
    }
}

/// Two auditors are shown two histories that differ at their ends. Each is sound; one comparison ends it.
#[test]
fn two_histories_for_two_auditors_come_out_when_they_compare_checkpoints() {
    let honest = Honest::get();
    let scratch = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| scratch.path().join(name));
    let state = |ledger: &Path| ledger.with_extension("state");
    let kept = |ledger: &Path| ledger.with_extension("checkpoint");
    for (ledger, text) in [(&first, "we agreed"), (&second, "we never agreed")] {
        copy(&honest.scratch.ledger(), ledger);
        copy(&honest.scratch.path("state"), &state(ledger));
        let run = |words: &[&str]| honest.run(ledger, &state(ledger), words);
        run(&["record", "note", "--text", text]).ok();
        run(&["verify", "--policy", "policy"]).ok();
        let checkpoint = run(&["checkpoint", "--key", "log.key"]).ok();
        fs::write(kept(ledger), checkpoint).unwrap();
    }
    let other = kept(&second).display().to_string();
    let run = |words: &[&str]| honest.run(&first, &state(&first), words);
    let verdict = run(&["verify", "--against", &other, "--log-key", "log.vkey"]);
    assert_eq!(verdict.code, Some(10), "{verdict:#?}");
    assert!(verdict.stdout.contains("anchor"), "{verdict:#?}");
    let out = scratch.path().display().to_string();
    let prove = [
        "prove", "--since", &other, "--key", "log.key", "--out", &out,
    ];
    run(&prove).fails(10, &["does not continue"]);
    assert!(!scratch.path().join("consistency.proof").exists());
    // What both have seen before can be proved by either.
    let proof = [
        "prove", "--since", "kept", "--key", "log.key", "--out", &out,
    ];
    run(&proof).ok();
    let proof = scratch
        .path()
        .join("consistency.proof")
        .display()
        .to_string();
    run(&["check-proof", &proof, "--log-key", "log.vkey"]).ok();

    // The form of the file, too, is checked.
    let good = fs::read_to_string(&proof).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let hashes: usize = lines[1].strip_prefix("hashes ").unwrap().parse().unwrap();
    assert!(hashes > 0 && good.matches("\n=\n").count() == 1, "{good}");
    let counted = |count: &str| good.replacen(lines[1], &format!("hashes {count}"), 1);
    let malformed = [
        good.replacen("\n=\n", "\n", 1),
        good.replacen("\n=\n", "\n=\n=\n", 1),
        good.replacen("\n=\n", "\n==\n", 1),
        good.replacen("\n=\n", "\n\n", 1),
        counted(&(hashes + 1).to_string()),
        counted(&(hashes - 1).to_string()),
        counted("18446744073709551616"),
        counted("18446744073709551615"),
        counted("-1"),
        counted(&format!("0{hashes}")),
        counted(&format!("+{hashes}")),
        counted(""),
        good.replacen(lines[2], "", 1),
        good.replacen(&format!("{}\n", lines[2]), "", 1),
        good.replacen(lines[2], &lines[2][1..], 1),
        good.replacen(lines[2], &format!("{}\n{}", lines[2], lines[2]), 1),
        good.replacen("proof v1", "proof v2", 1),
        good.replacen("\n\n", "\n", 1),
        good.replace('\n', "\r\n"),
        format!("{good}\n"),
        format!("{good}more\n"),
        format!("\n{good}"),
        good[..good.len() - 1].to_owned(),
        good[..good.find("\n=\n").unwrap() + 3].to_owned(),
        good[..good.find("\n=\n").unwrap() + 1].to_owned(),
        String::new(),
    ];
    for text in malformed {
        assert_ne!(text, good);
        fs::write(&proof, &text).unwrap();
        let outcome = run(&["check-proof", &proof, "--log-key", "log.vkey"]);
        let is_refused = matches!(outcome.code, Some(1 | 2 | 10 | 11));
        assert!(is_refused, "{text:?}: {outcome:#?}");
        assert!(outcome.stderr.contains("error: "), "{text:?}: {outcome:#?}");
    }
}

#[test]
fn a_checkpoint_counts_only_with_the_right_key_and_for_its_own_ledger() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run =
        |words: &[&str]| honest.run(&dir, &state, &[&["verify", "--no-memory"], words].concat());
    let against = |words: &[&str]| run(&[&["--against", "kept"], words].concat());
    against(&["--log-key", "log.vkey"]).ok();
    let wrong = key(ORIGIN, SignatureType::Ed25519, 98)
        .verifier()
        .to_string();
    let badly_signed = |outcome: Outcome| {
        assert_eq!(outcome.code, Some(11), "{outcome:#?}");
        assert!(outcome.stdout.contains("is not signed by"), "{outcome:#?}");
    };
    badly_signed(against(&["--log-key", &wrong]));
    let bob = honest.keys.bob.verifier().to_string();
    badly_signed(against(&["--log-key", &bob]));
    // A key, and nothing that it could have signed.
    run(&["--log-key", "log.vkey"]).fails(2, &["--against"]);

    let unsigned = checkpoint_of(ORIGIN, &honest.records()).to_string();
    fs::write(dir.with_extension("unsigned"), unsigned).unwrap();
    let unsigned = dir.with_extension("unsigned").display().to_string();
    run(&["--against", &unsigned]).ok();
    badly_signed(run(&["--against", &unsigned, "--log-key", "log.vkey"]));

    let another = checkpoint_of("example.org/another", &honest.records()).to_string();
    fs::write(dir.with_extension("another"), another).unwrap();
    let another = dir.with_extension("another").display().to_string();
    let verdict = run(&["--against", &another]);
    assert_eq!(verdict.code, Some(10), "{verdict:#?}");
    assert!(
        verdict
            .stdout
            .contains("a ledger called example.org/attacked"),
        "{verdict:#?}"
    );
}

/// What was appended after the newest anchor is told as unanchored, and not passed off as compared.
#[test]
fn what_came_after_the_newest_anchor_is_told() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let words = [
        "verify",
        "--no-memory",
        "--against",
        "early",
        "--log-key",
        "log.vkey",
    ];
    let verdict = honest.run(&dir, &state, &words).ok();
    assert!(verdict.contains("records 8 to 13"), "{verdict}");
    copy(&honest.scratch.path("early"), &dir.join("cosigned"));
    let words = ["verify", "--no-memory", "--policy", "policy"];
    let verdict = honest.run(&dir, &state, &words).ok();
    assert!(verdict.contains("records 8 to 13"), "{verdict}");
    let cosigned =
        "the first 8 records are cosigned, 2 times, the last time at 2023-11-14T22:13:20.000000Z";
    assert!(verdict.contains(cosigned), "{verdict}");
    let verdict = honest
        .run(
            &dir,
            &state,
            &["verify", "--no-memory", "--against", "kept"],
        )
        .ok();
    assert!(!verdict.contains("cut or rewritten"), "{verdict}");
}

/// A batch that a recorder signed stays signed when a payload in it is withheld.
#[test]
fn a_signature_holds_over_a_redacted_payload() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let mut records = honest.records();
    let pairs = [
        ("record", "8"),
        ("reason", "names a witness"),
        ("authority", "a court"),
    ];
    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
    records[SIGNED].body = None;
    lay_bytes(&dir, &seal(&records), head_of(&records));
    let verdict = verify(&opened(&dir), &mut Unwatched).unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    records[SIGNED].signatures[0].signature[5] ^= 1;
    lay_bytes(&dir, &seal(&records), head_of(&records));
    let verdict = verify(&opened(&dir), &mut Unwatched).unwrap();
    assert_eq!(verdict.findings.len(), 1, "{:#?}", verdict.findings);
    assert_eq!(verdict.findings[0].kind, FindingKind::Signature);
}

#[test]
fn private_keys_that_others_can_read_are_refused() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    for mode in [0o640, 0o604, 0o660, 0o602, 0o644] {
        let name = format!("open-{mode:o}.key");
        honest.write_key(&name, &honest.keys.alice, mode);
        let refused = ["can be read by others", "chmod 600"];
        run(&["key", "show", &name]).fails(1, &refused);
        run(&["checkpoint", "--key", &name]).fails(1, &refused);
        let record = ["record", "note", "--text", "x", "--recorded-by", "alice"];
        run(&[&record[..], &["--sign-with", &name]].concat()).fails(1, &refused);
        run(&["acknowledge", "A1", "--party", "colombia", "--key", &name]).fails(1, &refused);
        let out = ["--name", "alice", "--out", "new.key"];
        run(&[&["key", "import", &name], &out[..]].concat()).fails(1, &refused);
    }
    assert_eq!(records_of(&dir).len(), RECORDS);
}

/// The command line is seen by every process on the machine and kept by shells.
#[test]
fn a_private_key_is_never_taken_from_the_command_line_nor_repeated() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let secret = honest.keys.alice.to_text().to_string();
    let secret = secret.as_str();
    for words in [
        &["key", "show", secret][..],
        &["checkpoint", "--key", secret],
        &["prove", "C1", "--key", secret],
        &[
            "record",
            "note",
            "--text",
            "x",
            "--recorded-by",
            "alice",
            "--sign-with",
            secret,
        ],
        &["acknowledge", "A1", "--party", "colombia", "--key", secret],
        &["record", "recorder", "carol", "--key", secret],
        &["record", "party-key", "colombia", "--key", secret],
        &["verify", "--against", "kept", "--log-key", secret],
        &["check-proof", "kept", "--log-key", secret],
    ] {
        let outcome = honest.run(&dir, &state, words);
        assert!(
            matches!(outcome.code, Some(1 | 2)),
            "{words:?}: {outcome:#?}"
        );
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let part = secret.rsplit('+').next().unwrap();
        assert!(!said.contains(part), "{words:?}: {outcome:#?}");
        assert!(said.contains("private key"), "{words:?}: {outcome:#?}");
    }
    assert_eq!(records_of(&dir).len(), RECORDS);
}

#[test]
fn a_proof_of_anything_else_does_not_hold() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    let out = dir.with_extension("proofs");
    fs::create_dir(&out).unwrap();
    let shown = out.display().to_string();
    for what in ["C1", "12"] {
        run(&["prove", what, "--key", "log.key", "--out", &shown]).ok();
    }
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let (proof, record) = (read("7.tlog-proof"), read("7.json"));
    let check = |proof: &str, record: &str, key: &str| {
        let [file, beside] = ["given.tlog-proof", "given.json"].map(|name| out.join(name));
        fs::write(&file, proof).unwrap();
        fs::write(beside, record).unwrap();
        run(&["check-proof", &file.display().to_string(), "--log-key", key])
    };
    let event = check(&proof, &record, "log.vkey").ok();
    assert!(event.contains("open the bridge"), "{event}");

    // Another event: its letters changed in the record's bytes; a whole other record; the event that is only shown.
    let word = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
    let forged = record.replacen(&word("open"), &word("shut"), 1);
    assert_ne!(forged, record);
    check(&proof, &forged, "log.vkey").fails(10, &["payload is not the one"]);
    check(&proof, &read("12.json"), "log.vkey").fails(10, &["not the one that is proved"]);
    let changed = |from: &str, to: &str| {
        let changed = record.replacen(from, to, 1);
        assert_ne!(changed, record, "{from}");
        check(&proof, &changed, "log.vkey")
    };
    let differs = |member: &str| [format!("`{member}` is not what the record says")];
    for (member, from, to) in [
        ("event", "open the bridge", "shut the bridge"),
        ("event", "\"event\":{", "\"event\":{\"note\":\"more\","),
        ("seq", "\"seq\":7", "\"seq\":6"),
        ("link", "\"link\":\"", "\"link\":\"00"),
    ] {
        changed(from, to).fails(10, &differs(member).each_ref().map(String::as_str));
    }
    let event = record.find("\"event\":{").unwrap();
    let unshown = format!("{}\"event\":null}}", &record[..event]);
    check(&proof, &unshown, "log.vkey").fails(10, &["`event` is not"]);
    // Members that stand twice, or that nothing binds.
    changed("{", "{\"more\":1,").fails(1, &["no opened record"]);
    changed("{", "{\"seq\":7,").fails(1, &["no opened record"]);
    changed("\"event\":{", "\"event\":{\"text\":\"x\",").fails(1, &["stands twice"]);
    // Without its payload: what cannot be erased is not passed off as erased.
    let hex = record.find("\"record\":\"").unwrap() + 10;
    let cut = format!("{}00\",\"event\":null}}", &record[..hex + 256]);
    check(&proof, &cut, "log.vkey").fails(10, &["cannot be erased"]);

    // Another place.
    let index = proof.replacen("index 7\n", "index 6\n", 1);
    assert_ne!(index, proof);
    check(&index, &record, "log.vkey").fails(10, &["not the one that is proved"]);
    let index = proof.replacen("index 7\n", "index 99\n", 1);
    let outcome = check(&index, &record, "log.vkey");
    assert!(matches!(outcome.code, Some(1 | 10)), "{outcome:#?}");

    // Another checkpoint: its size changed, that of an older head, one signed with another key.
    let size = proof.replacen("\n14\n", "\n13\n", 1);
    assert_ne!(size, proof);
    check(&size, &record, "log.vkey").fails(11, &[]);
    let (path, _) = proof.split_once("\n\n").unwrap();
    let early = fs::read_to_string(honest.scratch.path("early")).unwrap();
    check(&format!("{path}\n\n{early}"), &record, "log.vkey").fails(10, &[]);
    let forger = key(ORIGIN, SignatureType::Ed25519, 98);
    let checkpoint = checkpoint_of(ORIGIN, &honest.records());
    let forged = SignedCheckpoint::sign(checkpoint, &forger).unwrap();
    check(&format!("{path}\n\n{forged}"), &record, "log.vkey").fails(11, &[]);

    // Another key.
    check(&proof, &record, &forger.verifier().to_string()).fails(11, &[]);
    check(&proof, &record, &honest.keys.bob.verifier().to_string()).fails(11, &[]);
}

/// Who names a witness gets a verdict on it.
#[test]
fn a_proof_that_a_named_witness_did_not_cosign_is_not_anchored() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    let out = dir.with_extension("proofs");
    fs::create_dir(&out).unwrap();
    let shown = out.display().to_string();
    run(&["prove", "C1", "--key", "log.key", "--out", &shown]).ok();
    run(&[
        "prove", "--since", "early", "--key", "log.key", "--out", &shown,
    ])
    .ok();
    let keys = honest.keys.witnesses.each_ref();
    let [w1, w2] = keys.map(|key| key.verifier().to_string());
    let cosigned = |name: &str, by: &[SigningKey]| {
        let text = fs::read_to_string(out.join(name)).unwrap();
        let cut = text.rfind(&format!("{ORIGIN}\n14\n")).unwrap();
        let mut signed = SignedCheckpoint::parse(&text.as_bytes()[cut..]).unwrap();
        by.iter().for_each(|witness| cosign(&mut signed, witness));
        fs::write(out.join(name), format!("{}{signed}", &text[..cut])).unwrap();
    };
    for name in ["7.tlog-proof", "consistency.proof"] {
        let file = out.join(name).display().to_string();
        let check = |named: &[&str]| {
            let mut words = vec!["check-proof", &file, "--log-key", "log.vkey"];
            named
                .iter()
                .for_each(|key| words.extend(["--witness-key", key]));
            run(&words)
        };
        check(&[]).ok();
        check(&[&w1]).fails(12, &["witness.example/w1 did not cosign"]);
        cosigned(name, &honest.keys.witnesses[..1]);
        check(&[&w1]).ok();
        check(&[&w1, &w2]).fails(12, &["witness.example/w2 did not cosign"]);
        cosigned(name, &honest.keys.witnesses[1..]);
        check(&[&w1, &w2]).ok();
        // The key of a recorder is none of a witness.
        let bob = honest.keys.bob.verifier().to_string();
        check(&[&bob]).fails(2, &["bob"]);
    }
}

/// A key on which verifiers could disagree gets into no ledger, no policy and no verdict.
#[test]
fn keys_that_are_not_sound_are_refused_at_every_door() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    let refused = ["not a sound Ed25519 public key"];
    run(&["record", "recorder", "carol", "--key", MIXED_ORDER]).fails(1, &refused);
    run(&["record", "party-key", "venezuela", "--key", MIXED_ORDER]).fails(1, &refused);
    let rotate = ["record", "recorder-rotated", "alice", "--key", MIXED_ORDER];
    run(&[&rotate[..], &["--sign-with", "alice.key"]].concat()).fails(1, &refused);
    let verify = ["verify", "--against", "kept", "--log-key", MIXED_ORDER];
    run(&verify).fails(2, &refused);
    run(&["check-proof", "kept", "--log-key", MIXED_ORDER]).fails(2, &refused);
    let policy = dir.with_extension("policy");
    fs::write(&policy, format!("log {MIXED_ORDER}\nquorum none\n")).unwrap();
    let policy = policy.display().to_string();
    run(&["verify", "--policy", &policy]).fails(1, &refused);
    assert_eq!(records_of(&dir).len(), RECORDS);
}
