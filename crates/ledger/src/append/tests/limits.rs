//! Ledgers that are too long, rehearsals and snapshots.

use super::*;

#[test]
fn a_ledger_has_no_more_records_than_it_can() {
    let mut ledger = storied();
    ledger.record_limit = 15;
    let is_full = |outcome: &Outcome| matches!(outcome, Err(LedgerError::Full { limit: 15 }));
    let two = [note("the last but one"), note("the last of all")];
    let before = (ledger.head(), ledger.state().clone());
    let outcome = ledger.append([&two[..], &two].concat());
    assert!(is_full(&outcome), "{outcome:?}");
    assert_eq!((ledger.head(), ledger.state()), (before.0, &before.1));
    // Of requests that share a write, those that there is room for are appended.
    let requests = [&two[..1], &two, &two[1..]];
    let requests = requests.map(|events| events.iter().cloned().map(Submission::from).collect());
    let outcomes = ledger.append_group(requests.to_vec()).unwrap();
    let taken: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true]);
    assert!(is_full(&outcomes[1]), "{outcomes:?}");
    assert_eq!(ledger.head().count, 15);
    let outcome = ledger.append(vec![note("one more")]);
    assert!(is_full(&outcome), "{outcome:?}");
    // What is known needs no room.
    assert!(
        ledger
            .append(vec![keyed("a witness spoke", "row 8")])
            .unwrap()[0]
            .known
    );
    assert!(is_sound(ledger.log()));
}

/// More records than their numbers have bits for.
#[test]
fn a_ledger_that_is_too_long_is_not_read() {
    let head = Head {
        count: RECORD_LIMIT + 1,
        ..Head::EMPTY
    };
    let error = Ledger::open(MemoryLog::of(Vec::new(), head), Steady::default()).err();
    let is_too_long =
        |error: &LedgerError| matches!(error, LedgerError::TooLong(count) if *count == head.count);
    assert!(error.as_ref().is_some_and(is_too_long), "{error:?}");
}

#[test]
fn a_rehearsal_changes_nothing() {
    let log = storied().into_log();
    let before = (
        log.records().to_vec(),
        log.head().unwrap(),
        log.counts().unwrap(),
    );
    let rehearsal = DryRunLog::new(Puppet {
        memory: Arc::new(Mutex::new(log)),
        ..Puppet::default()
    })
    .unwrap();
    let mut ledger = Ledger::open(rehearsal, Steady::default())
        .unwrap()
        .snapshot_every(1);
    let receipts = ledger.append(vec![note("one"), keyed("two", "row 8")]);
    let seqs: Vec<u64> = receipts
        .unwrap()
        .iter()
        .map(|receipt| receipt.seq.0)
        .collect();
    assert_eq!(seqs, [13, 8]);
    assert!(ledger.append(vec![opening()]).is_err());
    // What was rehearsed can be read, and rested upon.
    let about = event(Kind::Noted, &[("text", "on it"), ("about", "13")]);
    ledger.append(vec![about]).unwrap();
    assert!(is_sound(ledger.log()));
    assert_eq!(ledger.head().count, 15);
    let log = ledger.into_log().into_inner();
    assert_eq!(log.head().unwrap(), before.1);
    assert_eq!(log.counts().unwrap(), before.2);
    let records: Vec<Sealed> = log
        .read(0, 100)
        .unwrap()
        .into_iter()
        .map(|stored| stored.sealed)
        .collect();
    assert_eq!(records, before.0);
}

#[test]
fn a_snapshot_that_is_of_no_use_keeps_no_new_one_away() {
    let mut ledger = Ledger::create(MemoryLog::default(), Steady::default(), opening())
        .unwrap()
        .snapshot_every(1);
    let newest = |log: &MemoryLog| log.counts().unwrap().pop().unwrap();
    while ledger.head().count < 40 || newest(ledger.log()) != ledger.head().count {
        ledger.append(vec![note("one more")]).unwrap();
    }
    let count = ledger.head().count;
    let log = ledger.into_log();
    let appended_to = |log: MemoryLog| {
        let ledger = Ledger::open(log, Steady::default()).unwrap();
        let mut ledger = ledger.snapshot_every(1);
        ledger.append(vec![note("one more")]).unwrap();
        newest(ledger.log())
    };
    assert_eq!(appended_to(log.clone()), count);
    // As another version wrote it.
    let mut bytes = log.load(count).unwrap().unwrap();
    bytes[0] -= 1;
    log.put(count, &bytes).unwrap();
    for older in log.counts().unwrap() {
        if older != count {
            log.remove(older).unwrap();
        }
    }
    assert_eq!(appended_to(log), count + 1);
}
