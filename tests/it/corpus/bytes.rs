//! Tamperings by somebody without keys: bytes, records and signatures as they lie in the store.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest as _, Sha512};

use servanda_core::chain::record::{
    BatchSignature, HEADER_LEN, Head, Record, Sealed, recorder_message,
};
use servanda_core::records::Stored;

use super::story::{ORIGIN, Story, key, seed, sign};
use super::{CUT, Case, ERASED, Expect, Store};

/// What verifiers list as not checked.
const WITHHELD: &str = "whom an erased payload called for cannot be told";

/// The order of the group of Ed25519, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub fn all() -> Vec<Case> {
    let mut all = flipped();
    all.extend(payloads_removed());
    all.extend(moved());
    all.extend(cut());
    all.extend(signatures());
    all.extend(lengths());
    all
}

fn honest() -> (Vec<Record>, Head) {
    Story::honest().bind()
}

fn sealed() -> (Vec<Sealed>, Head) {
    let (records, head) = honest();
    (records.iter().map(Record::seal).collect(), head)
}

/// A bit in every part of every record.
fn flipped() -> Vec<Case> {
    let (all, head) = sealed();
    let mut cases = Vec::new();
    for (seq, one) in all.iter().enumerate() {
        let length = one.0.len();
        let header = [0, 1, 2, 4, 8, 16, 24, 28, 40, 64, 96, 104, 127];
        let behind = [
            HEADER_LEN,
            HEADER_LEN + 1,
            (HEADER_LEN + length) / 2,
            length - 1,
        ];
        let places = header
            .into_iter()
            .chain(behind.into_iter().filter(|at| *at < length));
        for at in places.filter(|at| at % 2 == seq % 2 || *at >= HEADER_LEN) {
            let mut changed = all.clone();
            changed[seq].tamper(|bytes| bytes[at] ^= 1);
            let name = format!("bit 0 of byte {at} of record {seq} flipped");
            cases.push(Case::of(name, Store::of(changed, head), Expect::Refused));
        }
    }
    cases
}

/// Records without their payloads, with and without a redaction that is appended.
fn payloads_removed() -> Vec<Case> {
    let mut cases = Vec::new();
    for seq in 0..Story::honest().len() {
        let mut story = Story::honest();
        if std::mem::replace(&mut story.said(seq).erased, true) {
            continue;
        }
        let name = format!("the payload of record {seq} removed");
        cases.push(Case::told(name, &story, Expect::Refused));
        let line =
            format!(r#"{{"event":"redaction","record":{seq},"reason":"none","authority":"none"}}"#);
        story.append(&line, &[]);
        let name = format!("the payload of record {seq} removed, and a redaction of it appended");
        cases.push(Case::told(name, &story, Expect::RefusedOr(ERASED)));
    }
    cases
}

/// Records taken out, doubled, swapped and put in each other's place.
fn moved() -> Vec<Case> {
    let (all, head) = sealed();
    let mut cases = Vec::new();
    let mut add = |name: String, change: &dyn Fn(&mut Vec<Stored>)| {
        let mut store = Store::of(all.clone(), head);
        change(&mut store.records);
        cases.push(Case::of(name, store, Expect::Refused));
    };
    for seq in 0..all.len() {
        add(format!("record {seq} taken out"), &|records| {
            records.remove(seq);
        });
        add(format!("record {seq} twice"), &|records| {
            records.insert(seq, records[seq].clone());
        });
        let next = (seq + 1) % all.len();
        add(format!("records {seq} and {next} swapped"), &|records| {
            let other = records[seq].sealed.clone();
            records[seq].sealed = std::mem::replace(&mut records[next].sealed, other);
        });
        add(
            format!("record {next} in the place of record {seq}"),
            &|records| {
                records[seq].sealed = records[next].sealed.clone();
            },
        );
        add(
            format!("record {seq} taken out, the later ones moved up"),
            &|records| {
                records.remove(seq);
                for (place, stored) in (0..).zip(records) {
                    stored.seq = place;
                }
            },
        );
    }
    cases
}

/// The tail cut after each record, and heads that do not fit.
fn cut() -> Vec<Case> {
    let (records, head) = honest();
    let (all, _) = sealed();
    let mut cases = Vec::new();
    for count in 0..records.len() {
        let end = records[..count].last();
        let fitting = end.map_or(Head::EMPTY, |last| Head::after(&last.header));
        let store = Store::of(all[..count].to_vec(), fitting);
        let expect = Expect::RefusedOr(CUT);
        cases.push(Case::of(
            format!("cut after {count} records"),
            store,
            expect,
        ));
        let store = Store::of(all[..count].to_vec(), head);
        let name = format!("cut after {count} records, with the old head");
        cases.push(Case::of(name, store, Expect::Refused));
    }
    for (name, head) in [
        (
            "a head of one record more",
            Head {
                count: head.count + 1,
                ..head
            },
        ),
        (
            "a head of one record less",
            Head {
                count: head.count - 1,
                ..head
            },
        ),
        (
            "the head of the record before",
            Head::after(&records[records.len() - 2].header),
        ),
        ("a head without records", Head::EMPTY),
        (
            "a head with another link",
            Head {
                link: Head::EMPTY.link,
                ..head
            },
        ),
        (
            "a head of very many records",
            Head {
                count: u64::MAX,
                ..head
            },
        ),
    ] {
        cases.push(Case::of(
            name,
            Store::of(all.clone(), head),
            Expect::Refused,
        ));
    }
    cases
}

/// A signature of the key of a name that holds only where both sides of the equation are multiplied by 8: its R is the
/// sum of a point of the main group, the neutral one too, and one of small order.
fn cofactored(name: &str, end: Head, multiple: u8, torsion: usize) -> [u8; 64] {
    let expanded = Sha512::digest(seed(name));
    let mut secret = [0; 32];
    secret.copy_from_slice(&expanded[..32]);
    let secret = Scalar::from_bytes_mod_order(clamp_integer(secret));
    let public = (ED25519_BASEPOINT_POINT * secret).compress();
    assert_eq!(public.as_bytes(), key(name).verifier().public_bytes());
    let multiple = Scalar::from(multiple);
    let r = (ED25519_BASEPOINT_POINT * multiple + EIGHT_TORSION[torsion]).compress();
    let hashed = Sha512::new()
        .chain_update(r.as_bytes())
        .chain_update(public.as_bytes())
        .chain_update(recorder_message(ORIGIN, end))
        .finalize();
    let mut wide = [0; 64];
    wide.copy_from_slice(&hashed);
    let s = multiple + Scalar::from_bytes_mod_order_wide(&wide) * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r.as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

/// Whose key this is.
fn whose(id: [u8; 4]) -> &'static str {
    let names = ["alice", "alice2", "bob", "carol"];
    let is_it = |name: &&&str| key(name).verifier().id().to_be_bytes() == id;
    names.iter().find(is_it).unwrap()
}

/// The signatures of each signed batch removed, forged, swapped, disordered; and signatures where none belong.
fn signatures() -> Vec<Case> {
    let (records, head) = honest();
    let mut cases = Vec::new();
    let mut add = |name: String, seq: usize, change: &dyn Fn(&mut Vec<BatchSignature>)| {
        let mut changed = records.clone();
        change(&mut changed[seq].signatures);
        let store = Store::of(changed.iter().map(Record::seal), head);
        // Of these batches a payload is erased, and with it whom it called for.
        let expect = match seq {
            11 | 16 | 18 if name.contains("removed") => Expect::RefusedOr(WITHHELD),
            _ => Expect::Refused,
        };
        cases.push(Case::of(name, store, expect));
    };
    let signed: Vec<usize> = (0..records.len())
        .filter(|seq| !records[*seq].signatures.is_empty())
        .collect();
    for (at, &seq) in signed.iter().enumerate() {
        let end = Head::after(&records[seq].header);
        add(
            format!("the signatures of record {seq} removed"),
            seq,
            &|all| all.clear(),
        );
        let other = records[signed[(at + 1) % signed.len()]].signatures.clone();
        add(
            format!("another batch's signatures at record {seq}"),
            seq,
            &|all| {
                all.clone_from(&other);
            },
        );
        for which in 0..records[seq].signatures.len() {
            add(
                format!("signature {which} of record {seq} removed"),
                seq,
                &|all| {
                    all.remove(which);
                },
            );
            let forged = sign(end, std::iter::once(key("mallory")))[0].signature;
            add(
                format!("signature {which} of record {seq} by another key"),
                seq,
                &|all| {
                    all[which].signature = forged;
                },
            );
            for byte in [0, 31, 32, 63] {
                let name = format!("byte {byte} of signature {which} of record {seq} changed");
                add(name, seq, &|all| all[which].signature[byte] ^= 0x40);
            }
            let name = format!("the order added to S in signature {which} of record {seq}");
            add(name, seq, &|all| add_order(&mut all[which].signature));
            let name = format!("R of signature {which} of record {seq} the neutral point");
            add(name, seq, &|all| {
                all[which].signature[..32].fill(0);
                all[which].signature[0] = 1;
            });
            let whose = whose(records[seq].signatures[which].key_id);
            // Without a point of small order, what is made like this holds.
            let honest = cofactored(whose, end, 7, 0);
            assert!(
                key(whose)
                    .verifier()
                    .verify(&recorder_message(ORIGIN, end), &honest)
                    .is_ok()
            );
            for multiple in [0, 7] {
                let torsion = 1 + (2 * at + which + usize::from(multiple)) % 7;
                let forged = cofactored(whose, end, multiple, torsion);
                let name = format!(
                    "signature {which} of record {seq} that holds times 8 alone, {multiple} and {torsion}"
                );
                add(name, seq, &|all| all[which].signature = forged);
            }
            let name = format!("the key's id of signature {which} of record {seq} changed");
            add(name, seq, &|all| all[which].key_id[3] ^= 1);
            let name = format!("signature {which} of record {seq} twice");
            add(name, seq, &|all| all.insert(which, all[which].clone()));
        }
        let name = format!("the signatures of record {seq} in the other order, and one more");
        let more = sign(end, std::iter::once(key("mallory")));
        add(name, seq, &|all| {
            all.extend(more.clone());
            all.sort_by_key(|one| std::cmp::Reverse(one.key_id));
        });
    }
    for (seq, record) in records.iter().enumerate() {
        let end = Head::after(&record.header);
        let who = if seq % 2 == 0 { "mallory" } else { "bob" };
        let stray = sign(end, std::iter::once(key(who)));
        if record
            .signatures
            .iter()
            .all(|one| one.key_id != stray[0].key_id)
        {
            add(
                format!("a signature of {who} more at record {seq}"),
                seq,
                &|all| {
                    all.extend(stray.clone());
                    all.sort_by_key(|one| one.key_id);
                },
            );
        }
    }
    cases
}

/// Another S for the same equation: RFC 8032 refuses it.
fn add_order(signature: &mut [u8; 64]) {
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

/// Records that are shorter or longer than they say.
fn lengths() -> Vec<Case> {
    let (all, head) = sealed();
    let mut cases = Vec::new();
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 8] = [
        ("without its last byte", |bytes| {
            bytes.truncate(bytes.len() - 1)
        }),
        ("with a byte more", |bytes| bytes.push(0)),
        ("cut to its header", |bytes| bytes.truncate(HEADER_LEN)),
        ("cut to 129 bytes, as if erased", |bytes| {
            bytes.truncate(HEADER_LEN);
            bytes.push(0);
        }),
        ("cut to nothing", Vec::clear),
        ("cut in its header", |bytes| bytes.truncate(100)),
        ("said to be signed, by nobody", |bytes| {
            bytes[HEADER_LEN] |= 2;
            bytes.push(0);
        }),
        ("said to have what no version knows", |bytes| {
            bytes[HEADER_LEN] |= 4
        }),
    ];
    for seq in [0, 4, 12, 18, 24, 32] {
        for (name, change) in changes {
            let mut changed = all.clone();
            changed[seq].tamper(change);
            if changed[seq] == all[seq] {
                continue;
            }
            let store = Store::of(changed, head);
            // Record 18 is erased, and carries the signature of a batch that is.
            let expect = match seq {
                18 if name.contains("erased") => Expect::RefusedOr(WITHHELD),
                _ => Expect::Refused,
            };
            cases.push(Case::of(format!("record {seq} {name}"), store, expect));
        }
    }
    cases
}
