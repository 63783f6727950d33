//! Policies, keys and checkpoints, whole and spoilt: servanda, `docs/verify.py` and `docs/verify.js` come to the same exit
//! code.

use std::fmt::Write as _;

use servanda_core::chain::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey, VerifierKey};
use servanda_core::chain::note::NoteError;
use servanda_core::chain::policy::{Policy, PolicyUnmet};
use servanda_core::chain::record::Record;
use servanda_core::chain::tree::{Frontier, TreeHash, leaf_hash};

use super::story::{ORIGIN, Story};
use super::{Store, in_python};

/// What a user verifies an export with.
struct Asked {
    name: String,
    policy: Vec<u8>,
    log_key: String,
    checkpoint: Vec<u8>,
}

/// The root of the first records, by how many.
struct Roots(Vec<TreeHash>);

impl Roots {
    fn of(records: &[Record]) -> Self {
        let mut tree = Frontier::new();
        let mut roots = vec![tree.root()];
        for record in records {
            tree.push(leaf_hash(&record.header.to_bytes())).unwrap();
            roots.push(tree.root());
        }
        Self(roots)
    }

    fn checkpoint(&self, size: usize) -> Checkpoint {
        Checkpoint::new(ORIGIN, size as u64, self.0[size]).unwrap()
    }

    fn lead_through(&self, checkpoint: &Checkpoint) -> bool {
        let root = usize::try_from(checkpoint.size())
            .ok()
            .and_then(|size| self.0.get(size));
        checkpoint.origin() == ORIGIN && root == Some(checkpoint.root())
    }
}

fn key(name: &str, kind: SignatureType, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), kind, &[seed; 32])
}

fn log() -> SigningKey {
    key(ORIGIN, SignatureType::Ed25519, 1)
}

fn witness(seed: u8) -> SigningKey {
    key(
        &format!("witness.example/w{seed}"),
        SignatureType::CosignatureV1,
        seed,
    )
}

/// A checkpoint signed by a key, and cosigned by witnesses.
fn signed(checkpoint: Checkpoint, by: &SigningKey, witnesses: &[u8]) -> String {
    let mut signed = SignedCheckpoint::sign(checkpoint, by).unwrap();
    for seed in witnesses {
        let key = witness(*seed);
        let line = signed.cosign(&key, 1_700_000_000).unwrap();
        signed.add_cosignature(line, key.verifier()).unwrap();
    }
    signed.to_string()
}

/// Two of three witnesses.
fn policy() -> String {
    let mut text = format!("# two of three\nlog {}\n", log().verifier());
    for seed in [2, 3, 4] {
        writeln!(
            text,
            "witness w{seed} {} https://w.example/",
            witness(seed).verifier()
        )
        .unwrap();
    }
    text + "group strangers 2 w2 w3 w4\nquorum strangers\n"
}

/// The exit code that servanda has for it.
fn judged(asked: &Asked, roots: &Roots) -> i64 {
    let policy = match &*asked.policy {
        [] => None,
        text => match Policy::parse(text) {
            Ok(policy) => Some(policy),
            Err(_) => return 1,
        },
    };
    let key = match &*asked.log_key {
        "" => None,
        text => match text.parse::<VerifierKey>() {
            Ok(key) if key.kind() == SignatureType::Ed25519 => Some(key),
            _ => return 2,
        },
    };
    let note = SignedCheckpoint::parse(&asked.checkpoint).ok();
    let checkpoint = match &note {
        Some(signed) => signed.unverified().clone(),
        None => {
            let text = String::from_utf8_lossy(&asked.checkpoint);
            match format!("{}\n", text.trim_end_matches('\n')).parse() {
                Ok(checkpoint) => checkpoint,
                Err(_) => return 1,
            }
        }
    };
    let by_log = key.as_ref().is_none_or(|key| {
        let note = note.as_ref();
        note.is_some_and(|note| note.verify([key], []).is_ok())
    });
    let met = policy.as_ref().map(|policy| {
        let note = note.as_ref().ok_or(None)?;
        policy.check(note).map(drop).map_err(Some)
    });
    let is_forged = matches!(
        &met,
        Some(Err(Some(PolicyUnmet::Checkpoint(CheckpointError::Note(
            NoteError::BadSignature { .. }
        )))))
    );
    let compared = by_log && !is_forged;
    match met {
        _ if compared && !roots.lead_through(&checkpoint) => 10,
        _ if !by_log => 11,
        None | Some(Ok(())) => 0,
        Some(Err(Some(PolicyUnmet::Quorum { .. }))) => 12,
        Some(Err(_)) => 11,
    }
}

fn checkpoints(roots: &Roots) -> Vec<(&'static str, Vec<u8>)> {
    let whole = || roots.checkpoint(33);
    let sound = signed(whole(), &log(), &[2, 3]);
    let other = |root: usize, size: u64| Checkpoint::new(ORIGIN, size, roots.0[root]).unwrap();
    let mallory = key(ORIGIN, SignatureType::Ed25519, 66);
    let renamed = Checkpoint::new("example.org/other", 33, roots.0[33]).unwrap();
    let other_log = key("example.org/other", SignatureType::Ed25519, 1);
    let last_line = sound[..sound.len() - 1].rfind('\n').unwrap() + 1;
    let flipped = |from_end: usize| {
        let at = sound.len() - from_end;
        let other = if &sound[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &sound[..at], &sound[at + 1..])
    };
    let log_line = sound.find("— ").unwrap();
    let mut many = sound.clone();
    (0..98).for_each(|_| many.push_str("— stranger AAAAAAAA\n"));
    let stranger = |line: &str| format!("{sound}{line}\n");
    let replaced = |from: &str, to: &str| {
        assert!(sound.contains(from));
        sound.replacen(from, to, 1)
    };
    let texts = [
        ("cosigned by two", sound.clone()),
        ("cosigned by three", signed(whole(), &log(), &[2, 3, 4])),
        ("cosigned by one", signed(whole(), &log(), &[4])),
        ("cosigned by none", signed(whole(), &log(), &[])),
        ("cosigned by a stranger", signed(whole(), &log(), &[9])),
        (
            "of an older size",
            signed(roots.checkpoint(7), &log(), &[2, 3]),
        ),
        (
            "of no records",
            signed(roots.checkpoint(0), &log(), &[2, 3]),
        ),
        ("its text alone", whole().to_string()),
        (
            "its text without the last newline",
            whole().to_string().trim_end().to_owned(),
        ),
        ("its text and empty lines", format!("{}\n\n", whole())),
        ("of another root", signed(other(7, 33), &log(), &[2, 3])),
        ("of another root, its text alone", other(7, 33).to_string()),
        (
            "of another root, by another key",
            signed(other(7, 33), &mallory, &[]),
        ),
        ("of more records", signed(other(33, 34), &log(), &[2, 3])),
        ("by another key", signed(whole(), &mallory, &[2, 3])),
        ("of another ledger", signed(renamed, &other_log, &[2, 3])),
        ("with another signature of the log", {
            let at = log_line + 40;
            let other = if &sound[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &sound[..at], &sound[at + 1..])
        }),
        ("with another cosignature", flipped(9)),
        (
            "with the last cosignature twice",
            format!("{sound}{}", &sound[last_line..]),
        ),
        ("without the signature of the log", {
            let end = log_line + sound[log_line..].find('\n').unwrap() + 1;
            format!("{}{}", &sound[..log_line], &sound[end..])
        }),
        ("with a hundred signatures and one", many),
        (
            "with a stranger's signature",
            stranger("— stranger AAAAAAAA"),
        ),
        (
            "with a stranger's signature that is too short",
            stranger("— stranger AAAAAA=="),
        ),
        (
            "with base64 that is not padded",
            stranger("— stranger AAAAAAA"),
        ),
        (
            "with base64 in another spelling",
            stranger("— stranger AAAAAB=="),
        ),
        (
            "with a hyphen instead of a dash",
            stranger("- stranger AAAAAAAA"),
        ),
        ("with two spaces", stranger("—  stranger AAAAAAAA")),
        ("with a plus in a name", stranger("— stran+ger AAAAAAAA")),
        ("with a tab", stranger("— stranger AAAA\tAAAA")),
        ("without its last newline", sound.trim_end().to_owned()),
        ("with carriage returns", sound.replace('\n', "\r\n")),
        ("with an empty line behind", format!("{sound}\n")),
        ("with another size", replaced("\n33\n", "\n32\n")),
        ("with a zero before its size", replaced("\n33\n", "\n033\n")),
        ("with a sign before its size", replaced("\n33\n", "\n+33\n")),
        (
            "with a size of 2^63",
            replaced("\n33\n", "\n9223372036854775808\n"),
        ),
        (
            "of no records, with another root",
            replaced("\n33\n", "\n0\n"),
        ),
        (
            "with a line more in its text",
            replaced("\n\n", "\nmore\n\n"),
        ),
        (
            "with an empty line in its text",
            replaced("\n33\n", "\n\n33\n"),
        ),
        ("without an origin", replaced(ORIGIN, "")),
        ("nothing", String::new()),
        ("one line", "something else\n".to_owned()),
        ("very long", format!("{}\n{}", "x".repeat(1_000_000), sound)),
    ];
    let mut all: Vec<_> = texts.map(|(name, text)| (name, text.into_bytes())).into();
    all.push(("not UTF-8", [&[0xff], sound.as_bytes()].concat()));
    all
}

fn policies() -> Vec<(String, Vec<u8>)> {
    let text = policy();
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let [w2, w3] = [2, 3].map(|seed| witness(seed).verifier().to_string());
    let log = log().verifier().to_string();
    for (from, to) in [
        ("2 w2 w3 w4", "all w2 w3 w4"),
        ("2 w2 w3 w4", "any w2 w3 w4"),
        ("2 w2 w3 w4", "3 w2 w3 w4"),
        ("2 w2 w3 w4", "4 w2 w3 w4"),
        ("2 w2 w3 w4", "0 w2 w3 w4"),
        ("2 w2 w3 w4", "02 w2 w3 w4"),
        ("2 w2 w3 w4", "+2 w2 w3 w4"),
        ("2 w2 w3 w4", "-1 w2 w3 w4"),
        ("2 w2 w3 w4", "1_0 w2 w3 w4"),
        ("2 w2 w3 w4", "２ w2 w3 w4"),
        ("2 w2 w3 w4", "ALL w2 w3 w4"),
        ("2 w2 w3 w4", "all"),
        ("2 w2 w3 w4", ""),
        ("2 w2 w3 w4", "1 w2 w2"),
        ("2 w2 w3 w4", "1 w2 w9"),
        ("2 w2 w3 w4", "1 w2 strangers"),
        ("2 w2 w3 w4", "1 w2 none"),
        ("2 w2 w3 w4", "2 w2 w3\ngroup more 2 strangers w4"),
        ("2 w2 w3 w4", "2 w2 w3\ngroup more 1 w2 w4"),
        ("group strangers", "group w2"),
        ("group strangers", "group none"),
        ("quorum strangers", "quorum w2"),
        ("quorum strangers", "quorum w4"),
        ("quorum strangers", "quorum none"),
        ("quorum strangers", "quorum nobody"),
        ("quorum strangers", "quorum strangers more"),
        ("quorum strangers", "quorum strangers\nquorum strangers"),
        ("quorum strangers\n", ""),
        ("quorum strangers\n", "quorum strangers"),
        ("quorum strangers\n", "quorum strangers\r\n"),
        ("quorum strangers\n", "quorum strangers\n\n \t\n"),
        ("quorum strangers", "\t quorum \t strangers\t"),
        ("quorum strangers", "quorum\u{a0}strangers"),
        ("quorum strangers", "quorum strangers\nwitness w9"),
        ("# two", "  \t# two"),
        ("# two", "two"),
        ("# two", "#\u{1} two"),
        ("# two", "#\u{7f} two"),
        ("# two", "# \u{85}\u{2028} two"),
        ("witness w2", "witness w3"),
        ("witness w2", "witness none"),
        ("witness w2", "witness\tw2"),
        ("witness w2", "Witness w2"),
        ("https://w.example/", "https://w.example/ more"),
        ("https://w.example/", ""),
        (&*w2, &*w3),
        (&*w2, &*log),
        (&*log, &*w2),
        (&*log, "example.org/corpus"),
        (&*log, &format!("{log} https://log.example/\nlog {log}")),
    ] {
        let name = format!("{from:?} as {to:?}");
        assert!(text.contains(from), "{name}");
        all.push((name, text.replacen(from, to, 1).into_bytes()));
    }
    all.push((
        "of logs alone".to_owned(),
        format!("log {log}\nquorum none\n").into_bytes(),
    ));
    all.push((
        "of witnesses alone".to_owned(),
        format!("witness w {w2}\nquorum w\n").into_bytes(),
    ));
    all.push(("a newline".to_owned(), b"\n".to_vec()));
    all.push((
        "a comment that is not UTF-8".to_owned(),
        [b"# \xff\n", text.as_bytes()].concat(),
    ));
    all.push((
        "a name that is not UTF-8".to_owned(),
        [text.as_bytes(), b"group \xff 1 w2\n"].concat(),
    ));
    let long = |length: usize| format!("{text}#{}\n", "x".repeat(length - text.len() - 2));
    all.push(("as long as can be".to_owned(), long(262_144).into_bytes()));
    all.push(("too long".to_owned(), long(262_145).into_bytes()));
    for count in [256_u32, 257] {
        let groups: String = (0..count).fold(String::new(), |mut text, at| {
            let key = key(
                &format!("log{at}"),
                SignatureType::Ed25519,
                at.to_le_bytes()[0],
            );
            writeln!(text, "log {}", key.verifier()).unwrap();
            text
        });
        all.push((
            format!("{count} logs"),
            format!("{groups}quorum none\n").into_bytes(),
        ));
    }
    all
}

fn all(roots: &Roots) -> Vec<Asked> {
    let sound = signed(roots.checkpoint(33), &log(), &[2, 3]).into_bytes();
    let vkey = log().verifier().to_string();
    let asked = |name: String, policy: &[u8], log_key: &str, checkpoint: &[u8]| Asked {
        name,
        policy: policy.to_vec(),
        log_key: log_key.to_owned(),
        checkpoint: checkpoint.to_vec(),
    };
    let mut all = Vec::new();
    for (name, checkpoint) in checkpoints(roots) {
        let policy = policy();
        let of = |how: &str| format!("a checkpoint {name}, {how}");
        all.push(asked(of("alone"), b"", "", &checkpoint));
        all.push(asked(of("with the log's key"), b"", &vkey, &checkpoint));
        all.push(asked(
            of("with a policy"),
            policy.as_bytes(),
            "",
            &checkpoint,
        ));
        all.push(asked(
            of("with both"),
            policy.as_bytes(),
            &vkey,
            &checkpoint,
        ));
    }
    for (name, policy) in policies() {
        all.push(asked(format!("a policy: {name}"), &policy, "", &sound));
    }
    let upper = vkey.to_uppercase();
    let twice = format!("{vkey}=");
    let w2 = witness(2).verifier().to_string();
    let other = key(ORIGIN, SignatureType::Ed25519, 66)
        .verifier()
        .to_string();
    let mixed = "alice+e1ed31ed+AWqE1YPwZWnts/Xtd99lVEsn1pSLTwsst28z3YQTsgcZ";
    for key in [&*upper, &twice, &w2, &other, mixed, "alice", "++"] {
        all.push(asked(format!("the log's key {key}"), b"", key, &sound));
    }
    all
}

#[test]
fn all_verifiers_agree_on_every_policy_and_checkpoint() {
    let (records, _) = Story::honest().bind();
    let roots = Roots::of(&records);
    let cases = all(&roots);
    let mut frames = vec![Store::bound(&Story::honest()).export().into_bytes()];
    for case in &cases {
        let key = case.log_key.as_bytes().to_vec();
        frames.extend([case.policy.clone(), key, case.checkpoint.clone()]);
    }
    let (python, servanda) = in_python("notes", &frames, || {
        let codes = cases.iter().map(|case| judged(case, &roots));
        codes.collect::<Vec<_>>()
    });
    assert_eq!(python.len(), cases.len());
    let mut wrong = String::new();
    for ((case, servanda), (python, said)) in cases.iter().zip(&servanda).zip(&python) {
        if servanda != python {
            let name = &case.name;
            writeln!(
                wrong,
                "{name}: servanda {servanda}, verify.py {python}: {said}"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    for code in [0, 1, 2, 10, 11, 12] {
        assert!(servanda.contains(&code), "none ends with {code}");
    }
}
