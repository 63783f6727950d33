//! For tests alone: a ledger small enough to break in every place, and chains bound by hand.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{Environment, Ledger};
use servanda_core::chain::codec;
use servanda_core::chain::record::{Content, Head, Record, SALT_LEN, Sealed, Unbound, bind};
use servanda_core::event::{Event, Kind};
use servanda_core::testing::{FIRST_RECORDED_AT, event};
use servanda_core::value::when::Instant;
use servanda_log::memory::MemoryLog;

/// Environment that are the same every time: each look at the clock is a second later than the one before.
#[derive(Debug)]
pub(super) struct Steady {
    micros: AtomicI64,
    salts: u8,
}

impl Default for Steady {
    fn default() -> Self {
        Self::from(FIRST_RECORDED_AT)
    }
}

impl From<Instant> for Steady {
    fn from(start: Instant) -> Self {
        Self {
            micros: AtomicI64::new(start.0),
            salts: 0,
        }
    }
}

impl Environment for Steady {
    fn now(&self) -> Instant {
        Instant(self.micros.fetch_add(1_000_000, Ordering::Relaxed))
    }

    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error> {
        self.salts = self.salts.wrapping_add(1);
        Ok([self.salts; SALT_LEN])
    }
}

/// A note.
pub(super) fn note(text: &str) -> Event {
    event(Kind::Noted, &[("text", text)])
}

/// A note under an import key.
pub(super) fn keyed(text: &str, key: &str) -> Event {
    event(Kind::Noted, &[("text", text), ("import_key", key)])
}

/// The first event of a ledger.
pub(super) fn opening() -> Event {
    event(Kind::LedgerOpened, &[("origin", "example.org/test")])
}

/// A history of 13 records in seven appends, with a correction, an irregular event and a redaction. Record 8
/// is the one redacted; its payload is still there.
pub(super) fn story() -> Vec<Vec<Event>> {
    let party = |id| {
        event(
            Kind::PartyRegistered,
            &[("id", id), ("kind", "state"), ("name", id)],
        )
    };
    let agreement: &[(&str, &str)] = &[
        ("id", "A1"),
        ("title", "Roadmap"),
        ("party", "colombia"),
        ("party", "venezuela"),
        ("on", "2023-05-11"),
    ];
    let commitment: &[(&str, &str)] = &[
        ("id", "C1"),
        ("agreement", "A1"),
        ("text", "increase the presence on the border"),
        ("debtor", "colombia"),
        ("creditor", "venezuela"),
    ];
    let breach: &[(&str, &str)] = &[
        ("commitment", "C1"),
        ("to", "breached"),
        ("by", "venezuela"),
        ("irregular", "no claim came first"),
    ];
    let correction: &[(&str, &str)] = &[
        ("record", "7"),
        ("field", "text"),
        ("to", "both were heard"),
        ("reason", "misheard"),
    ];
    let redaction: &[(&str, &str)] = &[
        ("record", "8"),
        ("reason", "names a witness"),
        ("authority", "court order 7"),
    ];
    vec![
        vec![opening()],
        vec![
            party("colombia"),
            party("venezuela"),
            event(Kind::AgreementRecorded, agreement),
        ],
        vec![
            event(Kind::CommitmentRecorded, commitment),
            event(Kind::StatusChanged, breach),
        ],
        vec![note("heard on the radio")],
        vec![
            note("one was heard"),
            keyed("a witness spoke", "row 8"),
            event(Kind::Corrected, correction),
        ],
        vec![event(Kind::Redacted, redaction)],
        vec![note("the last but one"), note("the last")],
    ]
}

/// The ledger of [`story`], with snapshots of 6 and 10 records.
pub(super) fn storied() -> Ledger<MemoryLog> {
    told(MemoryLog::default(), 5)
}

/// The story, told to a log.
pub(super) fn told<S: servanda_log::Log>(log: S, snapshot_every: u64) -> Ledger<S> {
    let mut ledger = Ledger::create(log, Steady::default(), opening())
        .unwrap()
        .snapshot_every(snapshot_every);
    for batch in story().into_iter().skip(1) {
        ledger.append(batch).unwrap();
    }
    ledger
}

/// What is to be bound of a content. A correction is not erasable.
pub(super) fn unbound(content: Content, salt: [u8; SALT_LEN], recorded_at: i64) -> Unbound {
    Unbound {
        erasable: Kind::of_number(content.kind).is_some_and(|kind| kind.is_erasable(|| None)),
        content,
        salt,
        recorded_at,
        asserted: false,
    }
}

/// Batches of contents, each with the time at which it is recorded, bound to a chain that nobody checked.
pub(super) fn bound(batches: &[(i64, Vec<Content>)]) -> MemoryLog {
    let mut head = Head::EMPTY;
    let mut all = Vec::new();
    let mut kinds = Vec::new();
    for (time, contents) in batches {
        let unbound = contents.iter().map(|content| {
            let kind = Kind::of_number(content.kind).unwrap();
            let target = kinds.get(content.target as usize).copied();
            kinds.push(kind);
            Unbound {
                erasable: kind.is_erasable(|| target),
                ..unbound(content.clone(), [3; SALT_LEN], *time)
            }
        });
        let (records, after) = bind(head, unbound.collect());
        all.extend(records.iter().map(Record::seal));
        head = after;
    }
    MemoryLog::of(all, head)
}

/// The contents of [`story`], each batch an hour after the one before, to be changed and [`bound`].
pub(super) fn contents() -> Vec<(i64, Vec<Content>)> {
    let ledger = storied();
    let mut batches = Vec::new();
    let mut next = 0;
    for (hour, batch) in (0..).zip(story()) {
        let time = FIRST_RECORDED_AT.0 + hour * 3_600_000_000;
        let held = ledger.state().records().skip(next).take(batch.len());
        let content =
            |held: Option<_>| match held.map(servanda_core::state::CurrentRecord::recorded) {
                Some(event) => codec::encode(event).unwrap(),
                None => unreachable!("no payload is gone"),
            };
        batches.push((time, held.map(content).collect()));
        next += batch.len();
    }
    batches
}

/// A record, opened, changed and sealed again.
pub(super) fn changed(sealed: &Sealed, change: impl FnOnce(&mut Record)) -> Sealed {
    let mut record = Record::open(sealed).unwrap();
    change(&mut record);
    record.seal()
}
