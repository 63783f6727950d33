use super::*;

/// The records of a log, one of them without its last bytes.
fn shortened(scratch: &Scratch, seq: u64) -> Stored {
    let mut sealed = scratch.records[seq as usize].clone();
    sealed.tamper(|bytes| bytes.truncate(129));
    Stored { seq, sealed }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    pre_open_backup::copy(from, to, Parts::Known).unwrap();
}

fn entries_of(scratch: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(scratch.path()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Whatever the moment at which an erasure is killed, one of the two logs is there, whole, and the
/// next append or erasure leaves nothing else.
#[test]
fn an_erasure_that_is_killed_leaves_the_old_or_the_new() {
    let lengths: &[&[usize]] = &[&[300; 200], &[50_000], &[7], &[9]];
    let mut done = Scratch::with(lengths);
    let old = done.records.clone();
    let mut log = opened(done.path());
    log.erase(&[shortened(&done, 70)]).unwrap();
    drop(log);
    done.records[70] = shortened(&done, 70).sealed;
    assert_holds(&opened(done.path()), &done.records);
    assert_eq!(entries_of(&done), [HEAD, RECORDS, RESERVE]);
    let new = done.path().join(RECORDS);
    let (plain, half) = ("", "half");
    // What lies under each name, and whether the new one counts.
    for (at, dot_new, dot_old, is_new) in [
        ("old", plain, plain, false),
        ("old", half, plain, false),
        ("old", "new", plain, false),
        (plain, "new", "old", true),
        ("new", plain, "old", true),
        ("new", plain, half, true),
    ] {
        for reads_first in [false, true] {
            let mut scratch = Scratch::with(lengths);
            let records = scratch.path().join(RECORDS);
            let kept = scratch.path().join("kept");
            fs::rename(&records, &kept).unwrap();
            for (ending, what) in [("", at), (".new", dot_new), (".old", dot_old)] {
                let path = scratch.path().join(format!("{RECORDS}{ending}"));
                match what {
                    "old" => copy_dir(&kept, &path),
                    "new" => copy_dir(&new, &path),
                    "half" => {
                        fs::create_dir(&path).unwrap();
                        fs::write(path.join(DB), vec![7; 5000]).unwrap();
                    }
                    _ => {}
                }
            }
            fs::remove_dir_all(&kept).unwrap();
            scratch.records = if is_new {
                done.records.clone()
            } else {
                old.clone()
            };
            if reads_first {
                let before = entries_of(&scratch);
                let log = opened(scratch.path());
                assert_eq!(log.head().unwrap(), scratch.head);
                assert_holds(&log, &scratch.records);
                drop(log);
                assert_eq!(entries_of(&scratch).len(), before.len());
            }
            let mut log = opened(scratch.path());
            if reads_first {
                scratch.append(&mut log, &[5]);
            } else {
                log.erase(&[]).unwrap();
            }
            assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
            assert_holds(&log, &scratch.records);
            log.erase(&[shortened(&scratch, 70)]).unwrap();
            scratch.records[70] = shortened(&scratch, 70).sealed;
            scratch.append(&mut log, &[5]);
            drop(log);
            assert_holds(&opened(scratch.path()), &scratch.records);
        }
    }
}

#[test]
fn records_that_are_missing_beside_one_left_over_are_refused_and_not_touched() {
    for ending in [".old", ".new"] {
        let scratch = Scratch::with(&[&[10]]);
        let records = scratch.path().join(RECORDS);
        let left = format!("{RECORDS}{ending}");
        fs::rename(&records, scratch.path().join(&left)).unwrap();
        let error = Sled::open(scratch.path(), soon()).unwrap_err();
        assert!(matches!(&error, LogError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&left), "{error}");
        assert_eq!(entries_of(&scratch), [HEAD, &left, RESERVE]);
    }
}

#[test]
fn nothing_is_erased_from_what_is_damaged() {
    let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
    scratch.tamper(|blocks| drop(blocks.remove(block::key(64, 0)).unwrap().unwrap()));
    let mut log = opened(scratch.path());
    let error = log.erase(&[shortened(&scratch, 3)]).unwrap_err();
    assert!(
        error.to_string().contains("record 64 is missing"),
        "{error}"
    );
    assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
    assert_eq!(read_all(&log).0.len(), 136);
    assert_eq!(log.read(3, 1).unwrap()[0].sealed, scratch.records[3]);
}

#[test]
fn what_lies_behind_the_head_is_not_copied() {
    let mut scratch = Scratch::with(&[&[10; 3]]);
    let (more, _) = batch(scratch.head, &[20; 2]);
    scratch.leave_behind(&more[..1]);
    let mut log = opened(scratch.path());
    assert!(log.leftovers);
    log.erase(&[shortened(&scratch, 0)]).unwrap();
    scratch.records[0] = shortened(&scratch, 0).sealed;
    assert!(!log.leftovers);
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[4]);
}

#[test]
fn a_copy_in_the_scratch_directory_that_outlived_its_process_is_wiped() {
    let scratch = Scratch::with(&[&[10; 3]]);
    let other = Scratch::with(&[&[10; 3]]);
    let copies = [&scratch, &other].map(|ledger| {
        let copy = pre_open_backup::scratch(&ledger.path().join(RECORDS)).unwrap();
        pre_open_backup::copy(&ledger.path().join(RECORDS), copy.0.path(), Parts::Known).unwrap();
        copy.0.keep()
    });
    let mut log = opened(scratch.path());
    log.erase(&[shortened(&scratch, 0)]).unwrap();
    assert!(!copies[0].exists());
    assert!(copies[1].exists());
    fs::remove_dir_all(&copies[1]).unwrap();
}

/// Every block but the last is as full after an erasure as a batch would have left it.
#[test]
fn an_erasure_leaves_full_blocks() {
    let mut scratch = Scratch::with(&[&[100; 3000], &[50_000]]);
    let mut log = opened(scratch.path());
    for _ in 0..20 {
        scratch.append(&mut log, &[1]);
    }
    let packed = block::pack(0, block::slices(&scratch.records)).count();
    log.erase(&[shortened(&scratch, 2999)]).unwrap();
    scratch.records[2999] = shortened(&scratch, 2999).sealed;
    assert_holds(&log, &scratch.records);
    assert_eq!(keys(&log).len(), packed);
}

#[test]
fn what_was_appended_one_by_one_takes_less_room_when_compacted() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for at in 0..120 {
        scratch.append(&mut log, &[60_000 * (at % 2), 9]);
    }
    for at in 0..60 {
        scratch.append(&mut log, &[at]);
    }
    let before = keys(&log).len();
    let Compaction { before: was, after } = log.compact().unwrap();
    assert!(after < was, "{was} {after}");
    assert!(keys(&log).len() < before - 58);
    assert_holds(&log, &scratch.records);
    assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
    scratch.append(&mut log, &[5]);
    drop(log);
    assert_holds(&opened(scratch.path()), &scratch.records);
}

/// What an auditor came to see is not tidied away.
#[test]
fn what_is_no_chain_is_not_compacted() {
    for (place, said) in [(40, "record 2 does"), (150, "record 1 does")] {
        let scratch = Scratch::with(&[&[10; 3]]);
        scratch.tamper(|blocks| {
            let mut records = scratch.records.clone();
            records[1].tamper(|bytes| bytes[place] ^= 1);
            for entry in block::pack(0, block::slices(&records)) {
                blocks.insert(entry.key(), entry.value).unwrap();
            }
        });
        let mut log = opened(scratch.path());
        let before = fs::read(scratch.db()).unwrap();
        let error = log.compact().unwrap_err().to_string();
        assert!(place == 40 || error.contains(said), "{error}");
        assert!(error.contains("continue the chain"), "{error}");
        assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
        assert!(fs::read(scratch.db()).unwrap() == before);
        assert_eq!(log.read(0, 3).unwrap().len(), 3);
    }
}

#[test]
fn without_room_for_a_copy_nothing_is_begun() {
    let scratch = Scratch::with(&[&[10; 3]]);
    let error = check_room(&scratch.path().join(RECORDS), u64::MAX).unwrap_err();
    assert!(is_for_want_of_room(&error), "{error}");
    assert!(check_room(&scratch.path().join(RECORDS), 1).is_ok());
}
