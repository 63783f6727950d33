//! The ledger that is tampered with, as a story that can be changed and bound again with everybody's keys.

use std::rc::Rc;

use servanda_core::chain::codec;
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_core::chain::record::{
    BatchSignature, Body, Content, Head, Header, Record, SALT_LEN, payload_digest, recorder_message,
};
use servanda_core::event::{Event, Fact, Kind};
use servanda_core::ndjson;
use servanda_core::signatures;

pub const ORIGIN: &str = "example.org/corpus";

/// The records whose payloads are erased.
pub const ERASED: [usize; 5] = [10, 15, 17, 18, 28];

/// A line with `@` begins a batch: its signers, or `asserted` in the backfill. `KEY name` is the vkey of a key, and
/// `BY name` the signature of a party's key under what the event acknowledges.
const HONEST: &str = r#"
@ asserted
{"event":"ledger","origin":"example.org/corpus","purpose":"what was promised"}
@ asserted
{"event":"party","id":"colombia","kind":"state","name":"Colombia"}
{"event":"party","id":"venezuela","kind":"state","name":"Venezuela"}
{"event":"source","id":"S1","kind":"treaty","title":"Roadmap","published":"2023-05"}
@
{"event":"recorder","id":"alice","key":"KEY alice"}
{"event":"recorder","id":"bob","key":"KEY bob"}
{"event":"recorder","id":"carol","key":"KEY carol"}
@ alice
{"event":"agreement","id":"A1","title":"Roadmap","party":["colombia","venezuela"],"on":"2023-05-11","recorded_by":"alice"}
{"event":"commitment","id":"C1","agreement":"A1","text":"open the bridge","debtor":"colombia","creditor":"venezuela","source":"S1: paragraph 4","recorded_by":"alice"}
{"event":"party-key","party":"colombia","key":"KEY colombia","recorded_by":"alice"}
@ alice bob
{"event":"note","text":"one was heard","about":"C1","source":"S1","recorded_by":"alice"}
{"event":"statement","text":"we keep our word","about":7,"by":"colombia","recorded_by":"bob"}
@ alice alice2
{"event":"recorder-rotated","recorder":"alice","key":"KEY alice2"}
@ alice2
{"event":"progress","commitment":"C1","text":"half of it is built","by":"colombia","recorded_by":"alice"}
@
{"event":"acknowledgement","record":7,"party":"colombia","signature":"BY colombia"}
@ bob
{"event":"correction","record":10,"field":"text","old":"one was heard","to":"both were heard","reason":"misheard","recorded_by":"bob"}
{"event":"correction","record":1,"field":"name","old":"Colombia","to":"República de Colombia","reason":"its full name"}
@ bob
{"event":"note","text":"a witness spoke","recorded_by":"bob"}
{"event":"note","text":"the witness is Ana"}
@
{"event":"redaction","record":10,"reason":"names a witness","authority":"court order 7"}
{"event":"redaction","record":15,"reason":"names a witness","authority":"court order 7"}
@ alice2
{"event":"redaction","record":17,"reason":"names a witness","authority":"court order 7","recorded_by":"alice"}
{"event":"redaction","record":18,"reason":"names a witness","authority":"court order 7"}
@
{"event":"recorder-revoked","recorder":"bob","reason":"he left"}
{"event":"note","text":"recorded in error"}
@
{"event":"retraction","record":24,"reason":"in error"}
@ alice2
{"event":"note","text":"about what was erased","about":18,"recorded_by":"alice"}
@ carol
{"event":"evidence","about":"C1","bearing":"supports","source":"S1: page 2","recorded_by":"carol"}
@ carol
{"event":"note","text":"my last words","recorded_by":"carol"}
{"event":"recorder-revoked","recorder":"carol","reason":"she retires","recorded_by":"carol"}
@
{"event":"redaction","record":28,"reason":"private","authority":"carol"}
@
{"event":"status","commitment":"C1","to":"breached","by":"venezuela","irregular":"no claim came first"}
@
{"event":"note","text":"the end"}
"#;

/// The key of a name; digits at its end tell several keys of one name apart. Before a colon stands another name that the
/// key is to have.
pub fn key(name: &str) -> SigningKey {
    let (whose, name) = match name.split_once(':') {
        Some(named) => named,
        None => (name.trim_end_matches(|c: char| c.is_ascii_digit()), name),
    };
    SigningKey::from_seed(
        KeyName::new(whose).unwrap(),
        SignatureType::Ed25519,
        &seed(name),
    )
}

/// The secret seed of the key of a name.
pub fn seed(name: &str) -> [u8; 32] {
    [name.bytes().fold(7, u8::wrapping_add); 32]
}

/// The event of a line, without the signature that it may carry.
pub fn event(line: &str) -> Event {
    let mut text = line.to_owned();
    while let Some(at) = text.find("KEY ") {
        let end = at + text[at..].find('"').unwrap();
        let vkey = key(&text[at + 4..end]).verifier().to_string();
        text.replace_range(at..end, &vkey);
    }
    let (kind, fields) = ndjson::read_one(text.as_bytes(), Kind::Noted)
        .unwrap()
        .unwrap();
    Event::build(kind, &fields).unwrap_or_else(|errors| panic!("{line}: {errors:?}"))
}

/// A change to a header before it is linked.
type Change = Rc<dyn Fn(&mut Header)>;

/// An event of the story, and how its record differs from what an honest ledger makes of it.
#[derive(Clone)]
pub struct Said {
    pub event: Event,
    /// Instead of the event's encoding.
    pub content: Option<Content>,
    pub erased: bool,
    pub change: Option<Change>,
}

impl From<Event> for Said {
    fn from(event: Event) -> Self {
        Self {
            event,
            content: None,
            erased: false,
            change: None,
        }
    }
}

/// Events that are appended together.
#[derive(Clone)]
pub struct Batch {
    pub said: Vec<Said>,
    pub signers: Vec<String>,
    asserted: bool,
}

/// A ledger before it is bound.
#[derive(Clone)]
pub struct Story {
    pub batches: Vec<Batch>,
}

impl Story {
    /// An honest ledger: every rule is kept.
    pub fn honest() -> Self {
        let mut story = Self {
            batches: Vec::new(),
        };
        for line in HONEST.trim().lines() {
            match line.strip_prefix('@') {
                Some(words) => {
                    let asserted = words.trim() == "asserted";
                    let signers = words.split_whitespace().filter(|_| !asserted);
                    story.batches.push(Batch {
                        said: Vec::new(),
                        signers: signers.map(str::to_owned).collect(),
                        asserted,
                    });
                }
                None => story
                    .batches
                    .last_mut()
                    .unwrap()
                    .said
                    .push(event(line).into()),
            }
        }
        for seq in ERASED {
            story.said(seq).erased = true;
        }
        story
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.said.len()).sum()
    }

    /// What a record says.
    pub fn said(&mut self, seq: usize) -> &mut Said {
        let mut all = self.batches.iter_mut().flat_map(|batch| &mut batch.said);
        all.nth(seq).unwrap()
    }

    /// The batch that a record is in.
    pub fn batch(&mut self, seq: usize) -> &mut Batch {
        let mut end = 0;
        let holds = |batch: &&mut Batch| {
            end += batch.said.len();
            seq < end
        };
        self.batches.iter_mut().find(holds).unwrap()
    }

    /// Appends one event, signed with these keys; gives its number.
    pub fn append(&mut self, line: &str, signers: &[&str]) -> usize {
        self.batches.push(Batch {
            said: vec![event(line).into()],
            signers: signers.iter().map(|name| (*name).to_owned()).collect(),
            asserted: false,
        });
        self.len() - 1
    }

    /// The records, with links, digests and signatures that fit.
    pub fn bind(&self) -> (Vec<Record>, Head) {
        let mut records: Vec<Record> = Vec::new();
        let mut head = Head::EMPTY;
        for (hour, batch) in (0..).zip(&self.batches) {
            let recorded_at = 1_700_000_000_000_000 + hour * 3_600_000_000;
            for (said, remaining) in batch.said.iter().zip((0..batch.said.len()).rev()) {
                let mut record = said.bind(&records, batch.asserted, recorded_at);
                record.header.remaining = u32::try_from(remaining).unwrap();
                record.header.prev = head.link;
                if let Some(change) = &said.change {
                    change(&mut record.header);
                }
                head = Head {
                    count: head.count + 1,
                    link: record.header.link(),
                };
                records.push(record);
            }
            let last = records.last_mut().unwrap();
            last.signatures = sign(head, batch.signers.iter().map(|name| key(name)));
        }
        (records, head)
    }
}

impl Said {
    fn bind(&self, before: &[Record], asserted: bool, recorded_at: i64) -> Record {
        let encoded = || codec::encode(&self.signed(before)).unwrap();
        let content = self.content.clone().unwrap_or_else(encoded);
        let seq = before.len();
        let salt = [u8::try_from(seq).unwrap(); SALT_LEN];
        let target = || {
            before
                .get(usize::try_from(content.target).ok()?)?
                .header
                .kind()
        };
        let kind = Kind::of_number(content.kind);
        let header = Header {
            seq: seq as u64,
            erasable: kind.is_some_and(|kind| kind.is_erasable(target)),
            asserted,
            kind: content.kind,
            target: content.target,
            recorded_at,
            remaining: 0,
            payload_len: u32::try_from(content.payload.len()).unwrap(),
            prev: Head::EMPTY.link,
            payload_digest: payload_digest(&salt, &content.payload),
        };
        let body = Body {
            salt,
            payload: content.payload,
        };
        Record {
            header,
            body: (!self.erased).then_some(body),
            signatures: Vec::new(),
        }
    }

    /// The event with the signature that it carries.
    fn signed(&self, before: &[Record]) -> Event {
        let mut event = self.event.clone();
        if let Fact::Acknowledged(fact) = &mut event.fact
            && let Some(name) = fact.signature.as_str().strip_prefix("BY ")
        {
            let seq = fact.record.0;
            let known = usize::try_from(seq).ok().and_then(|at| before.get(at));
            let link = known.map_or(Head::EMPTY.link, |record| record.header.link());
            let signature = signatures::acknowledge(&key(name), ORIGIN, &fact.party, seq, link);
            fact.signature = signature.parse().unwrap();
        }
        event
    }
}

/// The signatures of keys over a head, in the order of their ids.
pub fn sign(head: Head, keys: impl Iterator<Item = SigningKey>) -> Vec<BatchSignature> {
    let message = recorder_message(ORIGIN, head);
    let mut signatures: Vec<BatchSignature> = keys
        .map(|key| BatchSignature {
            key_id: key.verifier().id().to_be_bytes(),
            signature: key.sign(&message),
        })
        .collect();
    signatures.sort_by_key(|one| one.key_id);
    signatures
}
