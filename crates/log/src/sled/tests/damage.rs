use super::*;

#[test]
fn a_store_that_lost_its_tail_opens_and_tells() {
    let scratch = Scratch::with(&[&[10; 128], &[10; 2]]);
    scratch.tamper(|blocks| drop(blocks.pop_max().unwrap().unwrap()));
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records[..128]);
    let (more, head) = batch(scratch.head, &[1]);
    let outcome = log.append(scratch.head, &mut OneBatch::new(more.to_vec(), head));
    let refused = matches!(outcome, Err(AppendError::Failed(LogError::Damaged { .. })));
    assert!(refused, "{outcome:?}");
    assert_holds(&log, &scratch.records[..128]);
}

#[test]
fn two_damaged_slots_of_the_head_are_damage() {
    let scratch = Scratch::with(&[&[10]]);
    fs::write(scratch.path().join(HEAD), [0; 8192]).unwrap();
    assert!(is_damage(Sled::open(scratch.path(), soon())));
}

#[test]
fn a_damaged_run_is_named_and_reading_goes_on_behind_it() {
    type Change = fn(&Tree);
    // What is put there, what is said of it, and what of the records 64 to 127 is still read.
    let changes: [(Change, &str, Range<u64>); 8] = [
        (|blocks| put(blocks, 64, 0, b""), "0 bytes", 0..0),
        (
            |blocks| {
                let mut value = blocks.get(block::key(64, 0)).unwrap().unwrap().to_vec();
                assert_eq!(value[0], 3, "it is not compressed");
                value.pop();
                put(blocks, 64, 0, &value);
            },
            "too short",
            0..0,
        ),
        (
            |blocks| put(blocks, 64, 0, b"\x09\x01\x00"),
            "tag is 9",
            0..0,
        ),
        (
            |blocks| put(blocks, 64, 0, b"\x01\x01\x00\xff\xff\xff\xff"),
            "ends inside",
            0..0,
        ),
        (
            |blocks| put(blocks, 64, 0, b"\x02\x02\x00abc"),
            "part 1 of its 2 parts is missing",
            0..0,
        ),
        (
            |blocks| put(blocks, 64, 1, b"\x02\x02\x00abc"),
            "something else lies",
            0..0,
        ),
        (
            |blocks| put(blocks, 100, 0, b"\x01\x01\x00\x01\x00\x00\x00a"),
            "something else lies",
            100..101,
        ),
        (
            |blocks| {
                blocks.remove(block::key(64, 0)).unwrap();
                put(blocks, 64, 1, b"\x02\x02\x00abc");
            },
            "part 1 stands without",
            0..0,
        ),
    ];
    for (change, said, left) in changes {
        let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
        scratch.tamper(change);
        let log = opened(scratch.path());
        let (records, damages) = read_all(&log);
        let expected = (0..64).chain(left).chain(128..200);
        assert!(
            records.iter().map(|stored| stored.seq).eq(expected),
            "{said}"
        );
        assert_eq!(damages, 1, "{said}");
        for (from, limit) in [(64, 10), (64, 1), (70, 1000)] {
            let error = log.read(from, limit).unwrap_err().to_string();
            let told = error.contains(said) && error.contains("record 64");
            assert!(told, "{error}");
        }
    }
}

fn put(blocks: &Tree, first: u64, part: u16, value: &[u8]) {
    blocks.insert(block::key(first, part), value).unwrap();
}

#[test]
fn damage_in_the_last_run_has_nothing_behind_it() {
    let scratch = Scratch::with(&[&[10; 64], &[10; 36]]);
    scratch.tamper(|blocks| put(blocks, 64, 0, b"\x01"));
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    let error = log.read(64, 10).unwrap_err();
    assert!(
        matches!(error, LogError::Damaged { resume: None, .. }),
        "{error}"
    );
    let (more, head) = batch(scratch.head, &[1]);
    assert!(
        log.append(scratch.head, &mut OneBatch::new(more.to_vec(), head))
            .is_err()
    );
}

#[test]
fn a_gap_between_blocks_is_left_to_see() {
    let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
    scratch.tamper(|blocks| drop(blocks.remove(block::key(64, 0)).unwrap().unwrap()));
    let log = opened(scratch.path());
    let (records, damages) = read_all(&log);
    assert_eq!(damages, 0);
    assert!(
        records
            .iter()
            .map(|stored| stored.seq)
            .eq((0..64).chain(128..200))
    );
    assert_eq!(log.read(70, 1).unwrap()[0].seq, 128);
}

/// sled panics on many damaged files, and opens others as if they were shorter. Neither gets out: an
/// error says so, or what is read is what was appended, and the head tells what is missing.
#[test]
fn a_damaged_db_never_panics_and_never_lies() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for trial in 0..40 {
        let scratch = Scratch::with(&[&[300; 200], &[50_000], &[7], &[9], &[100; 20]]);
        let mut db = fs::read(scratch.db()).unwrap();
        let used = db.iter().rposition(|&byte| byte != 0).unwrap();
        match trial % 4 {
            0 => db.truncate(random(used)),
            1 => db[random(used)] ^= 1 << random(8),
            2 => (0..20).for_each(|_| db[random(used)] ^= 1 << random(8)),
            _ => db.truncate(used / 2),
        }
        fs::write(scratch.db(), db).unwrap();
        if trial % 3 == 0 {
            remove_snaps(&scratch);
        }
        let damaged_db = fs::read(scratch.db()).unwrap();
        let log = match Sled::open(scratch.path(), soon()) {
            Ok(log) => log,
            Err(LogError::Damaged { .. }) => {
                assert!(fs::read(scratch.db()).unwrap() == damaged_db, "{trial}");
                continue;
            }
            Err(other) => unreachable!("{trial}: {other}"),
        };
        assert_eq!(log.head().unwrap(), scratch.head, "{trial}");
        for stored in read_all(&log).0 {
            assert_eq!(
                stored.sealed, scratch.records[stored.seq as usize],
                "{trial}"
            );
        }
        if log.unsound.is_some() {
            drop(log);
            assert!(fs::read(scratch.db()).unwrap() == damaged_db, "{trial}");
        }
    }
}

/// One flipped bit in the last segment, and sled alone would zero all that follows.
#[test]
fn a_damaged_store_is_left_as_it_was_and_read_as_far_as_can_be() {
    let mut scratch = Scratch::with(&[&[10]]);
    let mut log = opened(scratch.path());
    for at in 0..40 {
        scratch.append(&mut log, &[200, at]);
    }
    drop(log);
    let mut db = fs::read(scratch.db()).unwrap();
    let needle = &scratch.records[41].0;
    let at = db
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    db[at + 140] ^= 1;
    fs::write(scratch.db(), &db).unwrap();
    let files = || {
        let entries = fs::read_dir(scratch.path().join(RECORDS)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    for _ in 0..2 {
        let mut log = opened(scratch.path());
        let (found, _) = read_all(&log);
        assert!((1..81).contains(&found.len()), "{}", found.len());
        let (more, head) = batch(scratch.head, &[1]);
        let refusal = log
            .append(scratch.head, &mut OneBatch::new(more.to_vec(), head))
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("81 records were committed"), "{refusal}");
        let copy = log.trees().unwrap().records.clone();
        drop(log);
        assert!(!copy.exists());
        assert!(fs::read(scratch.db()).unwrap() == db);
        assert_eq!(files(), before);
    }
}

/// Every file below a directory, and its bytes.
fn files_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
            found.push((path, Vec::new()));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

fn is_copy(log: &Sled) -> bool {
    log.trees().unwrap().copy.is_some()
}

fn table(records: &Path) -> PathBuf {
    let mut names = fs::read_dir(records)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    names
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("snap.")
        })
        .unwrap()
}

/// A change to the directory of records.
type Change = fn(&Path);

/// What sled makes anew is set aside; until then all is read, and nothing is written.
#[test]
fn what_is_derived_or_left_over_stops_no_append() {
    let changes: [(&str, Change); 12] = [
        ("a draft", |dir| {
            fs::write(dir.join("snap.00000000000FFFFF.generating"), "").unwrap()
        }),
        ("a foreign table", |dir| {
            fs::write(dir.join("snap.FFFFFFFFFFFFFFFF"), "mine").unwrap()
        }),
        ("a foreign file", |dir| {
            fs::write(dir.join("snap.of-mine"), "mine").unwrap()
        }),
        ("a foreign directory", |dir| {
            fs::create_dir(dir.join("snap.dir")).unwrap()
        }),
        ("a foreign blob", |dir| {
            fs::write(dir.join("blobs/mine"), "mine").unwrap()
        }),
        ("no table", |dir| fs::remove_file(table(dir)).unwrap()),
        ("a damaged table", |dir| {
            let mut bytes = fs::read(table(dir)).unwrap();
            bytes[20] ^= 1;
            fs::write(table(dir), bytes).unwrap();
        }),
        ("an empty table", |dir| fs::write(table(dir), "").unwrap()),
        ("no conf", |dir| fs::remove_file(dir.join("conf")).unwrap()),
        ("a damaged conf", |dir| {
            let mut bytes = fs::read(dir.join("conf")).unwrap();
            bytes.iter_mut().for_each(|byte| *byte ^= 0x11);
            fs::write(dir.join("conf"), bytes).unwrap();
        }),
        ("no seal", |dir| fs::remove_file(dir.join("seal")).unwrap()),
        ("a cut end that is not used", |dir| {
            let db = fs::OpenOptions::new()
                .write(true)
                .open(dir.join(DB))
                .unwrap();
            db.set_len(db.metadata().unwrap().len() - 5000).unwrap();
        }),
    ];
    for (what, change) in changes {
        let mut scratch = Scratch::with(&[&[300; 200], &[7], &[9]]);
        assert!(
            !is_copy(&opened(scratch.path())),
            "sealed files are opened where they lie"
        );
        let records = scratch.path().join(RECORDS);
        change(&records);
        let before = files_of(&records);
        let log = opened(scratch.path());
        assert!(is_copy(&log), "{what}");
        assert_holds(&log, &scratch.records);
        assert_eq!(log.damage(), None, "{what}");
        drop(log);
        assert!(
            files_of(&records) == before,
            "{what}: reading changed files"
        );
        let mut log = opened(scratch.path());
        scratch.append(&mut log, &[11]);
        assert!(!is_copy(&log), "{what}");
        assert_holds(&log, &scratch.records);
        drop(log);
        let log = opened(scratch.path());
        assert!(!is_copy(&log), "{what}: it is sealed again");
        assert_holds(&log, &scratch.records);
    }
}

/// Without a table, sled takes an older page for a lost one. That is damage, and no append hides it.
#[test]
fn records_that_a_lost_table_hides_are_damage() {
    let scratch = Scratch::with(&[&[300; 200], &[300; 200], &[300; 200]]);
    scratch.tamper(|blocks| drop(blocks.remove(block::key(200, 0)).unwrap().unwrap()));
    let records = scratch.path().join(RECORDS);
    fs::remove_file(table(&records)).unwrap();
    let before = files_of(&records);
    let mut log = opened(scratch.path());
    assert_eq!(log.damage(), None, "only reading all of it finds it");
    let (more, head) = batch(scratch.head, &[1]);
    let outcome = log.append(scratch.head, &mut OneBatch::new(more.to_vec(), head));
    let is_refused = matches!(&outcome, Err(AppendError::Failed(LogError::Damaged { .. })));
    assert!(is_refused, "{outcome:?}");
    assert!(log.damage().is_some());
    drop(log);
    assert!(files_of(&records) == before, "the append changed files");
}

/// What a process that was killed while it read a copy left is deleted when the next copy is made.
#[test]
fn a_copy_of_a_killed_process_does_not_stay() {
    let scratch = Scratch::with(&[&[10]]);
    let records = scratch.path().join(RECORDS);
    fs::remove_file(records.join("seal")).unwrap();
    let left = pre_open_backup::scratch(&records).unwrap().0.keep();
    fs::write(left.join(DB), "a copy").unwrap();
    drop(opened(scratch.path()));
    assert!(!left.exists());
}

/// Damage in an older segment leaves the seal whole: the log is opened where it lies, and reading meets the damage.
#[test]
fn damage_in_any_segment_is_read_around_and_no_byte_changes() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for _ in 0..8 {
        let (batch, head) = noisy_batch(scratch.head, &[1000; 1000]);
        log.append(scratch.head, &mut OneBatch::new(batch.to_vec(), head))
            .unwrap();
        scratch.records.extend(batch);
        scratch.head = head;
        log.put(head.count, &scratch.records[0].0.repeat(100))
            .unwrap();
    }
    drop(log);
    let whole = fs::read(scratch.db()).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    assert!(used > 3 * SEGMENT_SIZE, "{used} bytes");
    let (mut in_place, mut damaged) = (0, 0);
    for trial in 0..20 {
        let mut db = whole.clone();
        db[used * trial / 20 + 50] ^= 1;
        fs::write(scratch.db(), db).unwrap();
        let records = scratch.path().join(RECORDS);
        let before = files_of(&records);
        if let Ok(log) = Sled::open(scratch.path(), soon()) {
            in_place += usize::from(!is_copy(&log));
            let (found, damages) = read_all(&log);
            damaged += usize::from(damages > 0 || found.len() < scratch.records.len());
            for stored in found {
                let due = &scratch.records[usize::try_from(stored.seq).unwrap()];
                assert!(
                    stored.sealed == *due,
                    "record {} of trial {trial}",
                    stored.seq
                );
            }
            for count in log.counts().unwrap_or_default() {
                let _perhaps = log.load(count);
            }
        }
        assert!(files_of(&records) == before, "trial {trial} changed files");
    }
    assert!(
        in_place > 5 && damaged > 5,
        "{in_place} in place, {damaged} damaged"
    );
}
