use proptest::prelude::*;

use super::*;
use crate::chain::key::{KeyName, SigningKey};
use crate::chain::note::NoteError;
use crate::chain::vectors::{LOG_VKEY, SIGNED, TIMESTAMP, WITNESS_VKEY, cosigned};

fn witness_key(seed: u8) -> SigningKey {
    let name = KeyName::new(format!("witness.example/{seed}")).unwrap();
    SigningKey::from_seed(name, SignatureType::CosignatureV1, &[seed; 32])
}

fn vkey(seed: u8) -> String {
    witness_key(seed).verifier().to_string()
}

/// The example of the specification: two of X and one of Y.
fn example() -> String {
    let mut text = format!("log {LOG_VKEY}\n\n");
    for (seed, name) in ["X1", "X2", "X3", "Y1", "Y2", "Y3"].iter().enumerate() {
        text += &format!("witness {name} {}\n", vkey(10 + seed as u8));
    }
    text + "group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"
}

fn parse(text: &str) -> Policy {
    text.parse().unwrap()
}

fn fault(text: &str) -> (usize, PolicyFault) {
    let error = text.parse::<Policy>().unwrap_err();
    (error.line, error.fault)
}

#[test]
fn the_example_asks_for_two_of_x_and_one_of_y() {
    let policy = parse(&example());
    let names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"];
    for chosen in 0_u32..64 {
        let is_chosen = |(i, _): &(usize, &&'static str)| chosen >> i & 1 == 1;
        let cosigned = names.iter().enumerate().filter(is_chosen).map(|(_, n)| *n);
        let expected = (chosen & 0b111).count_ones() >= 2 && chosen >> 3 != 0;
        assert_eq!(
            policy.evaluate(&cosigned.collect()),
            expected,
            "{chosen:06b}"
        );
    }
}

#[test]
fn only_witnesses_count() {
    let policy = parse(&example());
    let groups = BTreeSet::from(["X-witnesses", "Y-witnesses", "X-and-Y", "stranger", "none"]);
    assert!(!policy.evaluate(&groups));
}

#[test]
fn a_policy_prints_as_it_was_meant() {
    let policy = parse(&example());
    assert_eq!(policy.to_string(), example().replace("\n\n", "\n"));
    let text = format!(
        "\t# for the tests\n \n  log\t{LOG_VKEY}   https://log.example/ \nwitness ä {WITNESS_VKEY} https://w.example/\nquorum ä\n"
    );
    let policy = parse(&text);
    assert_eq!(
        policy.logs()[0].url.as_deref(),
        Some("https://log.example/")
    );
    assert_eq!(
        policy.witnesses()[0].url.as_deref(),
        Some("https://w.example/")
    );
    assert_eq!(policy.quorum(), Some("ä"));
    assert_eq!(parse(&policy.to_string()), policy);
}

#[test]
fn a_quorum_of_none_asks_for_the_log_alone() {
    let policy = parse(&format!("log {LOG_VKEY}\nquorum none\n"));
    assert_eq!(policy.quorum(), None);
    assert!(policy.evaluate(&BTreeSet::new()));
    assert!(policy.check(&SIGNED.parse().unwrap()).is_ok());
    assert!(
        parse("quorum none\n")
            .check(&SIGNED.parse().unwrap())
            .is_err()
    );
}

#[test]
fn a_checkpoint_needs_its_log_and_its_quorum() {
    let text = format!(
        "log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nwitness v {}\ngroup g 2 w v\nquorum g\n",
        vkey(3)
    );
    let policy = parse(&text);
    let mut checkpoint: SignedCheckpoint = cosigned().parse().unwrap();
    let refused = policy.check(&checkpoint).unwrap_err();
    let (quorum, one) = ("g".to_owned(), vec!["w".to_owned()]);
    assert_eq!(
        refused,
        PolicyUnmet::Quorum {
            quorum,
            cosigned: one
        }
    );
    assert_eq!(
        refused.to_string(),
        "the quorum g is not met: only w cosigned"
    );
    let nobody = policy.check(&SIGNED.parse().unwrap()).unwrap_err();
    assert_eq!(
        nobody.to_string(),
        "the quorum g is not met: no witness cosigned"
    );

    let second = checkpoint.cosign(&witness_key(3), TIMESTAMP).unwrap();
    checkpoint
        .add_cosignature(second, witness_key(3).verifier())
        .unwrap();
    let verified = policy.check(&checkpoint).unwrap();
    assert_eq!(policy.names(&verified), BTreeSet::from(["v", "w"]));

    let elsewhere = parse(&text.replace(&format!("log {LOG_VKEY}\n"), ""));
    let refused = elsewhere.check(&checkpoint);
    assert!(
        matches!(refused, Err(PolicyUnmet::Checkpoint(_))),
        "{refused:?}"
    );
}

/// A signature by a known witness that is wrong is not the same as none.
#[test]
fn a_wrong_cosignature_refuses_the_checkpoint_even_if_the_quorum_is_met_without() {
    let text = format!(
        "log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nwitness v {}\ngroup g any w v\nquorum g\n",
        vkey(3)
    );
    let mut checkpoint: SignedCheckpoint = cosigned().parse().unwrap();
    let wrong = crate::chain::note::NoteSignature::cosign("else\n", &witness_key(3), 1).unwrap();
    let forged = format!("{checkpoint}{wrong}\n");
    checkpoint = forged.parse().unwrap();
    let policy = parse(&text);
    let refused = policy.check(&checkpoint);
    let bad = matches!(
        refused,
        Err(PolicyUnmet::Checkpoint(CheckpointError::Note(
            NoteError::BadSignature { .. }
        )))
    );
    assert!(bad, "{refused:?}");
}

#[test]
fn a_policy_that_contradicts_itself_is_refused_with_its_line() {
    use PolicyFault::*;
    let log = format!("log {LOG_VKEY}\n");
    let w = format!("witness w {WITNESS_VKEY}\n");
    let v = format!("witness v {}\n", vkey(3));
    let owned = str::to_owned;
    let (entry, other_entry) = ("log", "witness");
    let cases: Vec<(String, usize, PolicyFault)> = vec![
        (String::new(), 1, NoQuorum),
        (log.clone(), 1, NoQuorum),
        ("quorum none".into(), 1, Unterminated),
        ("quorum none\r\n".into(), 1, ControlCharacter),
        ("# \u{7f}\nquorum none\n".into(), 1, ControlCharacter),
        ("quorum none\nquorum none\n".into(), 2, SecondQuorum),
        ("quorum\n".into(), 1, Usage("quorum <name>, or quorum none")),
        ("quorum w\n".into(), 1, UnknownName(owned("w"))),
        (format!("quorum w\n{w}"), 1, UnknownName(owned("w"))),
        ("quota none\n".into(), 1, Keyword(owned("quota"))),
        (
            "quorum\u{a0}none\n".into(),
            1,
            Keyword(owned("quorum\u{a0}none")),
        ),
        ("log\n".into(), 1, Usage("log <vkey> [<url>]")),
        ("log x\n".into(), 1, Key(KeyError::VerifierSyntax)),
        (format!("{log}{log}"), 2, DuplicateKey),
        (format!("{w}{}", w.replace("ss w", "ss u")), 2, DuplicateKey),
        (
            format!("{w}{}", v.replace("ss v", "ss w")),
            2,
            NameTaken(owned("w")),
        ),
        (v.replace("ss v", "ss none"), 1, NameTaken(owned("none"))),
        (
            format!("log {WITNESS_VKEY}\n"),
            1,
            KeyType {
                entry,
                found: SignatureType::CosignatureV1,
            },
        ),
        (
            format!("witness w {LOG_VKEY}\n"),
            1,
            KeyType {
                entry: other_entry,
                found: SignatureType::Ed25519,
            },
        ),
    ];
    assert_faults(cases);
    let latin1 = [b"# caf\xe9\n".as_slice(), b"quorum none\n"].concat();
    assert!(Policy::parse(&latin1).is_ok(), "a comment may be anything");
    let refused = Policy::parse(b"quorum \xe9\n").unwrap_err();
    assert_eq!(refused.fault, NotUtf8);
    let len = MAX_LEN + 1;
    let refused = Policy::parse(&vec![b'\n'; len]).unwrap_err();
    assert_eq!(refused.fault, TooLong { len });
}

#[test]
fn a_group_that_contradicts_itself_is_refused_with_its_line() {
    use PolicyFault::*;
    let w = format!("witness w {WITNESS_VKEY}\n");
    let owned = str::to_owned;
    assert_faults(vec![
        ("group g\n".into(), 1, Usage(GROUP_USAGE)),
        ("group g all\n".into(), 1, Usage(GROUP_USAGE)),
        ("group g all g\n".into(), 1, UnknownName(owned("g"))),
        ("group g all none\n".into(), 1, UnknownName(owned("none"))),
        (format!("{w}group w all w\n"), 2, NameTaken(owned("w"))),
        (
            format!("{w}group g all w w\n"),
            2,
            SecondMembership(owned("w")),
        ),
        (
            format!("{w}group g all w\ngroup h all w\n"),
            3,
            SecondMembership(owned("w")),
        ),
        (format!("{w}group g 0 w\n"), 2, Threshold { members: 1 }),
        (format!("{w}group g 2 w\n"), 2, Threshold { members: 1 }),
        (format!("{w}group g 01 w\n"), 2, Threshold { members: 1 }),
        (format!("{w}group g some w\n"), 2, Threshold { members: 1 }),
    ]);
}

/// Checks that each of these policies is refused at its line with its fault.
fn assert_faults(cases: Vec<(String, usize, PolicyFault)>) {
    for (text, line, expected) in cases {
        assert_eq!(fault(&text), (line, expected), "{text:?}");
    }
}

/// The same key under another name, and so another id, would let one witness count twice.
#[test]
fn a_witness_cannot_come_back_under_another_name() {
    let renamed = SigningKey::from_seed(
        KeyName::new("alias").unwrap(),
        SignatureType::CosignatureV1,
        &[2; 32],
    );
    let text = format!(
        "witness w {WITNESS_VKEY}\nwitness u {}\n",
        renamed.verifier()
    );
    assert_eq!(fault(&text), (2, PolicyFault::DuplicateKey));
}

#[test]
fn there_is_room_for_more_than_the_specification_wants_but_not_for_all() {
    let members = |count: u8| -> String {
        (0..count)
            .map(|seed| format!("witness w{seed} {}\n", vkey(seed)))
            .collect()
    };
    assert_eq!(parse(&(members(40) + "quorum w39\n")).witnesses().len(), 40);
    let mut nested = members(1) + "group g0 all w0\n";
    for i in 1..=MAX_ENTRIES {
        nested += &format!("group g{i} all g{}\n", i - 1);
    }
    assert_eq!(fault(&nested), (2 + MAX_ENTRIES, PolicyFault::TooMany));
}

/// Policies of up to six witnesses in groups of groups.
fn any_policy() -> impl Strategy<Value = String> {
    (
        1_u8..6,
        prop::collection::vec((1_usize..4, 0_usize..5), 0..4),
    )
        .prop_map(|(count, groups)| {
            let mut text = String::new();
            let mut free: Vec<String> = Vec::new();
            for seed in 0..count {
                text += &format!("witness w{seed} {}\n", vkey(seed));
                free.push(format!("w{seed}"));
            }
            for (i, (size, threshold)) in groups.into_iter().enumerate() {
                let members: Vec<String> = free.drain(..size.min(free.len())).collect();
                let word = match threshold {
                    0 => "all".to_owned(),
                    1 => "any".to_owned(),
                    k => (k - 1).min(members.len()).to_string(),
                };
                text += &format!("group g{i} {word} {}\n", members.join(" "));
                free.push(format!("g{i}"));
            }
            text + &format!("quorum {}\n", free[free.len() - 1])
        })
}

proptest! {
    #[test]
    fn policies_round_trip(text in any_policy()) {
        let policy = parse(&text);
        prop_assert_eq!(policy.to_string(), text);
    }

    /// One more witness never undoes a quorum.
    #[test]
    fn quorums_are_monotone(text in any_policy(), chosen in any::<u8>(), more in 0_usize..6) {
        let policy = parse(&text);
        let all = ["w0", "w1", "w2", "w3", "w4", "w5"];
        let is_chosen = |(i, _): &(usize, &&'static str)| chosen >> i & 1 == 1;
        let mut names: BTreeSet<&str> =
            all.iter().enumerate().filter(is_chosen).map(|(_, name)| *name).collect();
        let before = policy.evaluate(&names);
        names.insert(all[more]);
        prop_assert!(policy.evaluate(&names) >= before);
        prop_assert!(policy.evaluate(&all.into()));
        prop_assert!(!policy.evaluate(&BTreeSet::new()));
    }

    #[test]
    fn nothing_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        text in "((log|witness|group|quorum|#|w|any|all|1|none|[ \t\n]){1,3}){0,30}",
    ) {
        let _ = Policy::parse(&bytes);
        let _ = Policy::parse(text.as_bytes());
    }
}
