//! Attacks by those who understand the format, and by insiders.

use super::*;

impl Attack {
    /// On what recorders and parties signed.
    pub(super) fn on_signatures() -> Vec<Self> {
        vec![
            Self {
                name: "A recorder's signature made with another key",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let forger = key("alice", SignatureType::Ed25519, 99);
                        let forged = sign(ORIGIN, head_of(&records[..=SIGNED]), &[&forger]);
                        records[SIGNED].signatures[0].signature = forged[0].signature;
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder's signature removed",
                make: |honest, dir| changed(honest, dir, |all| all[SIGNED].signatures.clear()),
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder's signature removed from an append of which the payload is erased",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let number = SIGNED.to_string();
                        let why = [("reason", "private"), ("authority", "a court")];
                        let pairs = [("record", &*number), why[0], why[1]];
                        append(records, &event(Kind::Redacted, &pairs), &[]);
                        records[SIGNED].body = None;
                        records[SIGNED].signatures.clear();
                    });
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "A recorder's signature taken from another batch",
                make: |honest, dir| {
                    changed(honest, dir, |all| {
                        all[SIGNED].signatures = all[7].signatures.clone()
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "An event appended and signed with a revoked key, in its recorder's name",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let pairs = [("text", "I am back"), ("recorded_by", "bob")];
                        append(records, &event(Kind::Noted, &pairs), &[&honest.keys.bob]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "An event appended in a revoked recorder's name, unsigned, about an erased record",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let erased = erase_a_note(records);
                        let pairs = [("text", "x"), ("about", &erased), ("recorded_by", "bob")];
                        append(records, &event(Kind::Noted, &pairs), &[]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder admitted again, with another key, and its signature",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let forger = key("alice", SignatureType::Ed25519, 99);
                        let vkey = forger.verifier().to_string();
                        let pairs = [("id", "alice"), ("key", vkey.as_str())];
                        append(records, &event(Kind::RecorderAdmitted, &pairs), &[]);
                        let pairs = [("text", "it is I"), ("recorded_by", "alice")];
                        append(records, &event(Kind::Noted, &pairs), &[&forger]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder admitted with a key of mixed order, on which verifiers could disagree",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let pairs = [("id", "carol"), ("key", MIXED_ORDER)];
                        append(records, &event(Kind::RecorderAdmitted, &pairs), &[]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "An event appended in nobody's name and signed with a revoked key",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        append(records, &note("I am back"), &[&honest.keys.bob]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A party's acknowledgement forged",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let forger = key("colombia", SignatureType::Ed25519, 99);
                        let forged = acknowledgement(records, ORIGIN, 7, &forger);
                        append(records, &forged, &[]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
        ]
    }

    /// On the anchors.
    pub(super) fn on_anchors() -> Vec<Self> {
        vec![
            Self {
                name: "`checkpoint` beside the store swapped for another's (nothing reads it)",
                make: |_, dir| {
                    let other = checkpoint_of("example.org/another", &[]);
                    fs::write(dir.join("checkpoint"), other.to_string()).unwrap();
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "`cosigned` beside the store deleted",
                make: |_, dir| fs::remove_file(dir.join("cosigned")).unwrap(),
                expected: [NOT_FOUND, NOT_FOUND, UNANCHORED, NOT_FOUND],
            },
            Self {
                name: "`cosigned` beside the store overwritten with something else",
                make: |_, dir| fs::write(dir.join("cosigned"), "something else").unwrap(),
                expected: [NOT_FOUND, NOT_FOUND, UNANCHORED, NOT_FOUND],
            },
            Self {
                name: "`cosigned` swapped for that of another ledger",
                make: |_, dir| {
                    let log = key("example.org/another", SignatureType::Ed25519, 50);
                    let other = checkpoint_of("example.org/another", &[]);
                    let other = SignedCheckpoint::sign(other, &log).unwrap();
                    fs::write(dir.join("cosigned"), other.to_string()).unwrap();
                },
                expected: [
                    NOT_FOUND,
                    NOT_FOUND,
                    "found: bad signature, exit 11",
                    NOT_FOUND,
                ],
            },
            Self {
                name: "A cosignature forged",
                make: |honest, dir| {
                    let mut text = honest.keep_text();
                    let at = text.trim_end().len() - 8;
                    let other = if text.as_bytes()[at] == b'A' {
                        "B"
                    } else {
                        "A"
                    };
                    text.replace_range(at..=at, other);
                    fs::write(dir.join("cosigned"), text).unwrap();
                },
                expected: [
                    NOT_FOUND,
                    NOT_FOUND,
                    "found: bad signature, exit 11",
                    NOT_FOUND,
                ],
            },
            Self {
                name: "The tail cut, and an old cosigned checkpoint put beside the store",
                make: |honest, dir| {
                    changed(honest, dir, |records| records.truncate(12));
                    copy(&honest.scratch.path("early"), &dir.join("cosigned"));
                },
                expected: [NOT_FOUND, ANCHOR, NOT_FOUND, ANCHOR],
            },
            Self {
                name: "Written anew from before an old cosigned checkpoint, which is put beside the store",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let keys = [&honest.keys.alice];
                        rewrite(records, 7, ORIGIN, &keys, |at, event| {
                            if let (7, Fact::CommitmentRecorded(fact)) = (at, &mut event.fact) {
                                fact.text = "close the bridge".parse().unwrap();
                            }
                        });
                    });
                    copy(&honest.scratch.path("early"), &dir.join("cosigned"));
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
        ]
    }

    /// By those who hold keys.
    pub(super) fn by_insiders() -> Vec<Self> {
        vec![
            Self {
                name: "Operator with the log's key: another history, signed by the log alone",
                make: |honest, dir| {
                    let fork = other_fork(honest);
                    lay(dir, &fork);
                    put_cosigned(honest, dir, &fork, &[]);
                },
                expected: [NOT_FOUND, ANCHOR, UNANCHORED, ANCHOR],
            },
            Self {
                name: "The same with one dishonest witness of the two that the policy asks for",
                make: |honest, dir| {
                    let fork = other_fork(honest);
                    lay(dir, &fork);
                    put_cosigned(honest, dir, &fork, &honest.keys.witnesses[..1]);
                },
                expected: [NOT_FOUND, ANCHOR, UNANCHORED, ANCHOR],
            },
            Self {
                name: "The same with all witnesses dishonest",
                make: |honest, dir| {
                    let fork = other_fork(honest);
                    lay(dir, &fork);
                    put_cosigned(honest, dir, &fork, &honest.keys.witnesses);
                },
                expected: [NOT_FOUND, ANCHOR, NOT_FOUND, ANCHOR],
            },
            Self {
                name: "Operator and recorder together: signed records written anew and signed again",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let keys = [&honest.keys.alice];
                        rewrite(records, SIGNED, ORIGIN, &keys, reworded(SIGNED));
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "Operator and recorder together: what a party acknowledged written anew",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let keys = [&honest.keys.alice];
                        rewrite(records, 6, ORIGIN, &keys, |_, event| {
                            if let Fact::AgreementRecorded(fact) = &mut event.fact {
                                fact.title = "Another".parse().unwrap();
                            }
                        });
                    });
                },
                expected: [
                    SIGNATURE,
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                ],
            },
            Self {
                name: "A recorder records what is not true",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let pairs = [("text", "nothing was agreed"), ("recorded_by", "alice")];
                        append(records, &event(Kind::Noted, &pairs), &[&honest.keys.alice]);
                    });
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "A revocation's payload removed, a redaction of it appended, and the revoked key used again",
                make: |honest, dir| {
                    let mut records = honest.records();
                    let pairs = [("record", "10"), ("reason", "none"), ("authority", "none")];
                    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
                    let pairs = [("text", "I am back"), ("recorded_by", "bob")];
                    append(
                        &mut records,
                        &event(Kind::Noted, &pairs),
                        &[&honest.keys.bob],
                    );
                    assert!(matches!(
                        event_of(&records[10]).fact,
                        Fact::RecorderRevoked(_)
                    ));
                    records[10].body = None;
                    lay(dir, &records);
                },
                expected: ["found: payload-gone, exit 10"; 4],
            },
            Self {
                name: "The same, of a revocation whose header says that it can be erased",
                make: |honest, dir| {
                    let mut records = honest.records();
                    let at = records.len();
                    let pairs = [("recorder", "alice"), ("reason", "left")];
                    append(&mut records, &event(Kind::RecorderRevoked, &pairs), &[]);
                    records[at].header.erasable = true;
                    let record = at.to_string();
                    let pairs = [
                        ("record", &*record),
                        ("reason", "none"),
                        ("authority", "none"),
                    ];
                    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
                    let pairs = [("text", "I am back"), ("recorded_by", "alice")];
                    let keys = [&honest.keys.alice];
                    append(&mut records, &event(Kind::Noted, &pairs), &keys);
                    records[at].body = None;
                    lay(dir, &records);
                },
                expected: ["found: malformed, exit 10"; 4],
            },
            Self {
                name: "A redaction whose header says that it can be erased",
                make: |honest, dir| {
                    let mut records = honest.records();
                    erase_a_note(&mut records);
                    let last = records.len() - 1;
                    records[last].header.erasable = true;
                    lay(dir, &records);
                },
                expected: ["found: malformed and payload-gone, exit 10"; 4],
            },
            Self {
                name: "A second commitment with the id of the first, that repeats an erased record",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let erased = erase_a_note(records);
                        let pairs = [
                            ("id", "C1"),
                            ("agreement", "A1"),
                            ("text", "keep the bridge shut"),
                            ("debtor", "colombia"),
                            ("creditor", "venezuela"),
                            ("repeats", &erased),
                        ];
                        append(records, &event(Kind::CommitmentRecorded, &pairs), &[]);
                    });
                },
                expected: ["found: rule, exit 10"; 4],
            },
            Self {
                name: "A note about an erased record, that cites a source which is not there",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let erased = erase_a_note(records);
                        let pairs = [("text", "x"), ("about", &erased), ("source", "S9")];
                        append(records, &event(Kind::Noted, &pairs), &[]);
                    });
                },
                expected: ["found: rule, exit 10"; 4],
            },
            Self {
                name: "An operator appends an event in nobody's name",
                make: |honest, dir| {
                    changed(honest, dir, |all| {
                        append(all, &note("nothing was agreed"), &[])
                    });
                },
                expected: [NOT_FOUND; 4],
            },
        ]
    }
}
