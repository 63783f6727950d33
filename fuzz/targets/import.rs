//! Lines of NDJSON into a ledger: whatever the rules take can be verified, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::ndjson::{Defaults, Lines, ParsedLine};
use servanda_ledger::verify::{Unwatched, verify};
use servanda_ledger::{Ledger, Machine};
use servanda_log::memory::MemoryLog;

fuzz_target!(|bytes: &[u8]| {
    let lines = Lines::new(bytes, Defaults::default());
    let events: Vec<Event> = lines
        .filter_map(|line| match line.ok()?.parsed {
            ParsedLine::Event(event) => Some(event),
            ParsedLine::Fields(_) | ParsedLine::OfItsLedger => None,
        })
        .collect();
    if events.is_empty() {
        return;
    }
    let mut opening = Fields::default();
    opening.set("origin", vec!["fuzz.example/log".to_owned()]);
    let opening = Event::build(Kind::LedgerOpened, &opening).expect("an origin is enough");
    let mut ledger = Ledger::create(MemoryLog::default(), Machine, opening).expect("a new ledger is opened");
    for event in events {
        let fields = event.to_fields();
        let again = Event::build(event.kind(), &fields);
        assert_eq!(again.as_ref(), Ok(&event), "an event reads as it is written");
        let _ = ledger.append(vec![event]);
    }
    let verdict = verify(ledger.log(), &mut Unwatched).expect("a store in memory can be read");
    assert!(verdict.is_sound(), "{:?}", verdict.findings);
});
