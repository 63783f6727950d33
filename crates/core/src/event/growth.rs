//! Proof that events can grow: the schema after the newest, for tests alone, with one more field, one more event and one more
//! word. It reads all that the schemas before it wrote to the same values, and writes the old events in the old bytes.

#![allow(
    dead_code,
    reason = "the macro gives events more than their bytes take"
)]

use serde_json::Value as Json;

use super::declare::event;
use super::{Envelope, Event, Fact};
use crate::chain::codec::{self, CodecError, Facts};
use crate::chain::record::{Content, ContentRef};
use crate::chain::testing::unhex;
use crate::value::agreement::{Form, Link, RoleHolder};
use crate::value::base::{Text, coded_words};
use crate::value::id::{AgreementId, PartyId, Seq, Subject};
use crate::value::party::Identifier;
use crate::wire::{Reader, Wire, Writer};

const GOLDEN: &str = include_str!("../../../../fixtures/golden/payloads.ndjson");

coded_words! {
    /// As the list of this name, with one more word.
    Bearing "BEARING" {
        /// For it.
        0 Supports = "supports",
        /// Against it.
        1 Refutes = "refutes",
        /// Neither.
        2 Mentions = "mentions" since 3,
    }
}

event! {
    /// As the event of this name, with the new word.
    [erasable] 17 "evidence" EvidenceAttached {
        /// What it is evidence about
        [arg] about: Subject,
        /// Which way it points
        [arg] bearing: Bearing,
        /// What it shows
        text: Option<Text>,
    } example "{}"
}

event! {
    /// As the event of this name, with one more field in the middle.
    6 "agreement" AgreementRecorded {
        /// The id to know the agreement by
        [arg id] id: AgreementId,
        /// Its title
        title: Text,
        /// Who wrote it down
        [since 3] scribe: Option<Text>,
        /// Its form
        form: Option<Form>,
        /// A party to it
        [some] party: Vec<PartyId>,
        /// Where it was concluded
        place: Option<Text>,
        /// How it relates to an earlier one: continues:A1
        link: Vec<Link>,
        /// Its parties, or some of them, are not known
        [since 2] parties_unknown: bool,
        /// Who has a role in it
        [since 2] role: Vec<RoleHolder>,
        /// What it is about
        [since 2] subject: Vec<Text>,
        /// Its number in a series
        [since 2] identifier: Vec<Identifier>,
    } example "{}"
}

event! {
    /// A crossing was opened: a new event.
    [since 3] 999 "crossing" CrossingOpened {
        /// Where it is
        [arg] place: Text,
    } example "{}"
}

/// The schema after the newest one; the declarations here say it in figures.
const LATER: u8 = codec::SCHEMA + 1;

/// The facts of the later schema.
#[derive(Debug, Clone, PartialEq)]
enum Grown {
    Agreement(AgreementRecorded),
    Evidence(EvidenceAttached),
    Crossing(CrossingOpened),
    /// A fact that the later schema leaves as it was.
    Old(Fact),
}

impl Facts for Grown {
    const SCHEMA: u8 = LATER;

    fn number(&self) -> u16 {
        match self {
            Self::Agreement(_) => AgreementRecorded::SPEC.number,
            Self::Evidence(_) => EvidenceAttached::SPEC.number,
            Self::Crossing(_) => CrossingOpened::SPEC.number,
            Self::Old(fact) => fact.number(),
        }
    }

    fn target(&self) -> Option<Seq> {
        match self {
            Self::Old(fact) => fact.target(),
            _ => None,
        }
    }

    fn since(&self) -> u8 {
        match self {
            Self::Agreement(fact) => fact.since(),
            Self::Evidence(fact) => fact.since(),
            Self::Crossing(fact) => CrossingOpened::SPEC.since.max(fact.since()),
            Self::Old(fact) => fact.since(),
        }
    }

    fn write(&self, to: &mut Writer) {
        match self {
            Self::Agreement(fact) => fact.write(to),
            Self::Evidence(fact) => fact.write(to),
            Self::Crossing(fact) => fact.write(to),
            Self::Old(fact) => fact.write(to),
        }
    }

    fn read(kind: u16, from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match kind {
            6 => Self::Agreement(Wire::read(from)?),
            17 => Self::Evidence(Wire::read(from)?),
            999 => Self::Crossing(Wire::read(from)?),
            _ => Self::Old(<Fact as Facts>::read(kind, from)?),
        })
    }
}

impl Grown {
    fn texts(&self) -> Vec<(&'static str, Vec<String>)> {
        match self {
            Self::Agreement(fact) => fact.texts(),
            Self::Evidence(fact) => fact.texts(),
            Self::Crossing(fact) => fact.texts(),
            Self::Old(fact) => fact.texts(),
        }
    }
}

fn golden() -> Vec<Content> {
    let lines = GOLDEN.lines();
    let contents = lines.map(|line| {
        let line: Json = serde_json::from_str(line).unwrap();
        Content {
            kind: line["kind"].as_u64().unwrap().try_into().unwrap(),
            target: line["target"].as_u64().unwrap(),
            payload: unhex(line["payload"].as_str().unwrap()),
        }
    });
    contents.collect()
}

/// Fields that are there.
fn present(fields: Vec<(&'static str, Vec<String>)>) -> Vec<(&'static str, Vec<String>)> {
    let fields = fields.into_iter();
    fields.filter(|(_, texts)| !texts.is_empty()).collect()
}

/// What the later schema reads and writes of a fact, and what the newest one says of the bytes.
fn written(fact: &Grown) -> (Content, Result<Event, CodecError>) {
    let content = codec::encode_facts(fact, &Envelope::EMPTY).unwrap();
    let read = codec::decode_facts::<Grown>(content.as_ref());
    assert_eq!(read, Ok((fact.clone(), Envelope::EMPTY)));
    let by_newest = codec::decode(content.as_ref());
    (content, by_newest)
}

fn agreement(scribe: Option<&str>) -> Grown {
    let text = |text: &str| text.parse::<Text>().unwrap();
    Grown::Agreement(AgreementRecorded {
        id: "A1".parse().unwrap(),
        title: text("Roadmap"),
        scribe: scribe.map(text),
        form: None,
        party: vec!["colombia".parse().unwrap()],
        place: None,
        link: Vec::new(),
        parties_unknown: false,
        role: Vec::new(),
        subject: Vec::new(),
        identifier: Vec::new(),
    })
}

fn evidence(bearing: Bearing) -> Grown {
    Grown::Evidence(EvidenceAttached {
        about: "C1".parse().unwrap(),
        bearing,
        text: None,
    })
}

#[test]
fn a_later_schema_reads_the_old_events_as_they_were_and_writes_them_in_the_old_bytes() {
    for content in golden() {
        let old = codec::decode(content.as_ref()).unwrap();
        let (fact, envelope) = codec::decode_facts::<Grown>(content.as_ref()).unwrap();
        assert_eq!(present(fact.texts()), present(old.fact.texts()));
        assert_eq!(envelope, old.envelope);
        assert_eq!(codec::encode_facts(&fact, &envelope), Ok(content));
    }
}

#[test]
fn what_a_later_schema_brought_is_written_under_it_and_refused_by_the_earlier_one() {
    assert_eq!(CrossingOpened::SPEC.since, LATER);
    let (content, by_newest) = written(&agreement(Some("Ana")));
    assert_eq!(content.payload[0], LATER);
    let refused = by_newest.unwrap_err();
    assert_eq!(refused, CodecError::Schema(LATER));
    assert_eq!(
        refused.to_string(),
        format!(
            "the payload has schema {LATER}, and this version of servanda knows 1 to {}: a later version wrote it",
            codec::SCHEMA
        )
    );

    let (content, by_newest) = written(&evidence(Bearing::Mentions));
    assert_eq!(content.payload[0], LATER);
    assert_eq!(by_newest, Err(CodecError::Schema(LATER)));

    let place = "the bridge".parse().unwrap();
    let (mut content, by_newest) = written(&Grown::Crossing(CrossingOpened { place }));
    assert_eq!((content.kind, content.payload[0]), (999, LATER));
    assert_eq!(by_newest, Err(CodecError::Schema(LATER)));
    content.payload[0] = 1;
    let refused = codec::decode(content.as_ref()).unwrap_err();
    assert_eq!(refused, CodecError::Kind(999));
    // The later schema has no such event under schema 1 either.
    let refused = codec::decode_facts::<Grown>(content.as_ref());
    assert_eq!(refused, Err(CodecError::NotCanonical));
}

#[test]
fn what_the_earlier_schema_can_express_is_written_under_it() {
    for fact in [agreement(None), evidence(Bearing::Supports)] {
        let (content, by_newest) = written(&fact);
        assert_eq!(content.payload[0], 1);
        assert_eq!(
            present(by_newest.unwrap().fact.texts()),
            present(fact.texts())
        );
    }
    // The later schema, with all fields absent that it brought, is no second way to write the same.
    let later = codec::encode_facts(&agreement(Some("A")), &Envelope::EMPTY).unwrap();
    let mut payload = later.payload.clone();
    let at = payload.windows(3).position(|bytes| bytes == [1, 1, b'A']);
    payload.splice(at.unwrap()..at.unwrap() + 3, [0]);
    let later = ContentRef {
        payload: &payload,
        ..later.as_ref()
    };
    let refused = codec::decode_facts::<Grown>(later);
    assert_eq!(refused, Err(CodecError::NotCanonical));
    // A word of the later schema under the earlier one is none.
    let mut later = codec::encode_facts(&evidence(Bearing::Mentions), &Envelope::EMPTY).unwrap();
    later.payload[0] = 1;
    let refused = codec::decode_facts::<Grown>(later.as_ref());
    assert!(matches!(refused, Err(CodecError::Malformed(_))));
}
