//! Tests of records: their bytes, links and digests.

use super::super::testing::bind_bodies;
use super::super::testing::{hex, unhex};
use super::*;
use crate::event::{Erasable, Kind};
use proptest::prelude::*;

/// Two appends with every byte and hash of them, computed by a program in another language from the
/// description of the format alone.
const GOLDEN: &str = include_str!("../../../../../fixtures/golden/chain.json");

#[test]
fn a_chain_has_the_bytes_and_hashes_that_were_pinned() {
    let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
    let golden = golden["records"].as_array().unwrap();
    let unbound = |pinned: &serde_json::Value| Unbound {
        content: Content {
            kind: pinned["kind"].as_u64().unwrap().try_into().unwrap(),
            target: pinned["target"].as_u64().unwrap(),
            payload: unhex(pinned["payload"].as_str().unwrap()),
        },
        salt: unhex(pinned["salt"].as_str().unwrap()).try_into().unwrap(),
        erasable: pinned["flags"] == 1,
        recorded_at: pinned["recorded_at"].as_i64().unwrap(),
        asserted: false,
    };
    let (mut records, head) = bind(Head::EMPTY, golden[..1].iter().map(unbound).collect());
    let (second, head) = bind(head, golden[1..].iter().map(unbound).collect());
    records.extend(second);
    assert_eq!(records.len(), golden.len());
    for (record, pinned) in records.iter().zip(golden) {
        let text = |name: &str| pinned[name].as_str().unwrap();
        let header = &record.header;
        assert_eq!(Some(header.seq), pinned["seq"].as_u64());
        assert_eq!(
            Some(u64::from(header.remaining)),
            pinned["remaining"].as_u64()
        );
        assert_eq!(hex(&header.to_bytes()), text("header"));
        assert_eq!(header.payload_digest.to_string(), text("payload_digest"));
        assert_eq!(header.link().to_string(), text("link"));
        let without = Record {
            body: None,
            ..record.clone()
        };
        for (record, name) in [(record, "sealed"), (&without, "sealed_without_payload")] {
            assert_eq!(hex(&record.seal().0), text(name));
            let reread = Record::open(&unhex(text(name)).into());
            assert_eq!(reread.as_ref(), Ok(record));
            assert!(record.payload_is_sound());
        }
    }
    assert_eq!(head.count, 3);
    assert_eq!(
        Some(head.link.to_string().as_str()),
        golden[2]["link"].as_str()
    );
}

fn body(payload: &[u8]) -> Body {
    Body {
        salt: [7; SALT_LEN],
        payload: payload.to_vec(),
    }
}

#[test]
fn a_batch_counts_down_and_links_up() {
    let (records, head) = bind_bodies(Head::EMPTY, 5, vec![body(b"a"), body(b"b"), body(b"")]);
    let remaining: Vec<u32> = records.iter().map(|r| r.header.remaining).collect();
    assert_eq!(remaining, [2, 1, 0]);
    assert_eq!(records[0].header.prev, Hash::ZERO);
    assert_eq!(records[1].header.prev, records[0].header.link());
    assert_eq!(
        head,
        Head {
            count: 3,
            link: records[2].header.link()
        }
    );
}

#[test]
fn a_record_without_its_body_keeps_its_link() {
    let (mut records, head) = bind_bodies(Head::EMPTY, 5, vec![body(b"secret")]);
    records[0].body = None;
    let reread = Record::open(&records[0].seal()).unwrap();
    assert_eq!(Head::after(&reread.header), head);
    assert!(reread.payload_is_sound());
}

#[test]
fn every_flipped_byte_is_seen_by_opening_the_digest_or_the_link() {
    let (records, head) = bind_bodies(Head::EMPTY, 5, vec![body(b"one payload")]);
    let sealed = records[0].seal();
    for at in 0..sealed.0.len() {
        for mask in [1u8, 0x80, 0xff] {
            let mut flipped = sealed.clone();
            flipped.tamper(|bytes| bytes[at] ^= mask);
            let seen = match Record::open(&flipped) {
                Err(_) => true,
                Ok(record) => !record.payload_is_sound() || Head::after(&record.header) != head,
            };
            assert!(seen, "byte {at} ^ {mask}");
        }
    }
}

/// Records of every shape: with and without body, marks and signatures.
fn records() -> impl Strategy<Value = Record> {
    let signers = proptest::collection::btree_map(any::<[u8; 4]>(), any::<u8>(), 0..4);
    let marks = (any::<bool>(), any::<bool>());
    // Also kinds that are not known.
    let of_event = (0..40_u16, any::<u64>());
    let header = (1..u64::MAX, marks, any::<i64>(), any::<u32>(), of_event);
    let body = (any::<Vec<u8>>(), any::<[u8; SALT_LEN]>(), any::<bool>());
    (header, body, signers).prop_map(|((seq, marks, time, remaining, of_event), body, signers)| {
        let (payload, salt, gone) = body;
        let (kind, target) = of_event;
        let known = Kind::of_number(kind);
        let has_target = known.is_none_or(|kind| kind.spec().form.has_target);
        let header = Header {
            kind,
            target: if has_target { target } else { 0 },
            seq,
            erasable: known.map_or(marks.0, |kind| kind.is_erasable(|| None)),
            asserted: marks.1,
            recorded_at: time,
            remaining,
            payload_len: payload.len() as u32,
            prev: Hash(salt.repeat(2).try_into().unwrap()),
            payload_digest: payload_digest(&salt, &payload),
        };
        let signed = |(key_id, byte)| BatchSignature {
            key_id,
            signature: [byte; 64],
        };
        Record {
            header,
            body: (!gone).then_some(Body { salt, payload }),
            signatures: signers.into_iter().map(signed).collect(),
        }
    })
}

#[test]
fn a_header_says_what_its_kind_allows_and_no_more() {
    let (records, _) = bind_bodies(Head::EMPTY, 5, vec![body(b"a"), body(b"b")]);
    let read = |change: &dyn Fn(&mut Header)| {
        let mut header = records[1].header;
        change(&mut header);
        Header::from_bytes(&header.to_bytes()).map(|_| ())
    };
    let of = |kind: Kind, erasable, target| {
        read(&|header| {
            header.kind = kind.spec().number;
            header.erasable = erasable;
            header.target = target;
        })
    };
    for &kind in Kind::ALL {
        let form = kind.spec().form;
        for erasable in [false, true] {
            let wrong = Malformed::Erasable { kind, erasable };
            let expected = match form.erasable {
                Erasable::Always if !erasable => Err(wrong),
                Erasable::Never if erasable => Err(wrong),
                _ => Ok(()),
            };
            assert_eq!(of(kind, erasable, 0), expected);
        }
        let expected = match form.has_target {
            true => Ok(()),
            false => Err(Malformed::Target(kind, 7)),
        };
        assert_eq!(of(kind, kind.is_erasable(|| None), 7), expected);
    }
    // A later version knows what these may say.
    let later = |header: &mut Header| {
        header.kind = 999;
        header.target = 7;
        header.erasable = true;
    };
    assert_eq!(read(&later), Ok(()));
    // Record 0 opens the ledger.
    let first = |header: &mut Header| {
        header.seq = 0;
        header.kind = Kind::PartyRegistered.spec().number;
    };
    assert_eq!(read(&first), Err(Malformed::NoOpening(1)));
    let long = |header: &mut Header| header.payload_len = PAYLOAD_LIMIT as u32 + 1;
    assert_eq!(read(&long), Err(Malformed::PayloadLength(65_537)));
}

proptest! {
    #[test]
    fn a_record_reads_the_same_where_it_lies(record in records(), at: prop::sample::Index, flip: u8) {
        let sealed = record.seal();
        prop_assert_eq!(Record::open(&sealed), Ok(record.clone()));
        let peeked = RecordRef::peek(&sealed.0).unwrap();
        prop_assert_eq!(peeked.to_record(), record.clone());
        prop_assert_eq!(peeked.header_bytes, &record.header.to_bytes());
        prop_assert_eq!(peeked.link(), record.header.link());
        prop_assert_eq!(peeked.is_signed(), !record.signatures.is_empty());
        prop_assert_eq!(peeked.payload_is_sound(), record.payload_is_sound());
        // Whatever else the bytes are, both read the same or fail the same, and only what sealing gives is read.
        let mut changed = sealed.clone();
        changed.tamper(|bytes| bytes[at.index(sealed.0.len())] ^= flip);
        let peeked = RecordRef::peek(&changed.0).map(RecordRef::to_record);
        prop_assert_eq!(&Record::open(&changed), &peeked);
        if let Ok(record) = peeked {
            prop_assert_eq!(record.seal(), changed);
        }
    }

    #[test]
    fn records_read_what_they_write(payload: Vec<u8>, salt: [u8; SALT_LEN], time: i64) {
        let (records, _) = bind_bodies(Head::EMPTY, time, vec![Body { salt, payload }]);
        let reread = Record::open(&records[0].seal());
        prop_assert_eq!(reread.as_ref(), Ok(&records[0]));
        prop_assert!(records[0].payload_is_sound());
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let sealed = Sealed::from(bytes);
        if let Ok(record) = Record::open(&sealed) {
            prop_assert_eq!(record.seal(), sealed);
        }
    }
}
