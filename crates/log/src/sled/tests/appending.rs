use super::*;

#[test]
fn it_conforms() {
    let failed = conformance::check(&mut || Box::new(Scratch::empty()));
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn no_value_becomes_a_file_of_its_own() {
    let scratch = Scratch::with(&[&[65_536; 20], &[300; 2000], &[23_000; 40]]);
    let log = opened(scratch.path());
    log.put(1, &vec![1; 7_000_000]).unwrap();
    drop(log);
    let blobs = scratch.path().join(RECORDS).join("blobs");
    assert_eq!(fs::read_dir(blobs).unwrap().count(), 0);
}

#[test]
fn opening_and_reading_change_nothing_that_counts() {
    let scratch = Scratch::with(&[&[300; 500], &[50_000], &[10], &[20]]);
    let head = scratch.head_file();
    let mut states = Vec::new();
    for _ in 0..4 {
        let log = opened(scratch.path());
        assert_eq!(log.head().unwrap(), scratch.head);
        assert_holds(&log, &scratch.records);
        drop(log);
        assert_eq!(scratch.head_file(), head);
        states.push(fs::read(scratch.db()).unwrap());
    }
    assert!(states[2] == states[3], "sled does not come to rest");
}

#[test]
fn a_whole_batch_behind_the_head_is_taken_in() {
    let scratch = Scratch::with(&[&[10; 70], &[20]]);
    let (first, head) = batch(scratch.head, &[30, 40_000, 5]);
    let (second, head) = batch(head, &[7; 100]);
    let left = [first, second].concat();
    scratch.leave_behind(&left);
    let before = scratch.head_file();
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), head);
    let all = [scratch.records.clone(), left].concat();
    assert_holds(&log, &all);
    assert_eq!(scratch.head_file(), before, "opening committed it");
    let (third, end) = batch(head, &[1]);
    log.append(head, &mut OneBatch::new(third.to_vec(), end))
        .unwrap();
    drop(log);
    assert_holds(&opened(scratch.path()), &[all, third].concat());
}

#[test]
fn an_unfinished_batch_behind_the_head_is_not_read_and_removed_by_the_next_append() {
    for (lengths, kept) in [
        (&[30; 200][..], 199),
        (&[30; 200], 1),
        (&[60_000, 60_000, 10], 2),
        (&[10, 60_000], 1),
    ] {
        let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
        let (left, _) = batch(scratch.head, lengths);
        scratch.leave_behind(&left[..kept]);
        let before = keys(&opened(scratch.path()));
        let mut log = opened(scratch.path());
        assert_eq!(keys(&log), before, "opening removed it");
        assert_eq!(log.head().unwrap(), scratch.head);
        assert_holds(&log, &scratch.records);
        assert!(log.read(scratch.head.count, 10).unwrap().is_empty());
        scratch.append(&mut log, &[5]);
        assert_holds(&log, &scratch.records);
        drop(log);
        let log = opened(scratch.path());
        assert_holds(&log, &scratch.records);
        assert_eq!(keys(&log).last(), Some(&(71, 0)), "something was left");
    }
}

#[test]
fn of_two_batches_behind_the_head_the_unfinished_one_goes() {
    let mut scratch = Scratch::with(&[&[10; 3]]);
    let (whole, head) = batch(scratch.head, &[1, 2]);
    let (unfinished, _) = batch(head, &[3, 4]);
    let left = [whole.clone(), unfinished[..1].to_vec()].concat();
    scratch.leave_behind(&left);
    // Both lie in one block, which is cut, not removed.
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), head);
    scratch.records.extend(whole);
    scratch.head = head;
    scratch.append(&mut log, &[9]);
    assert_holds(&log, &scratch.records);
}

#[test]
fn a_record_without_all_its_parts_is_no_whole_batch() {
    let scratch = Scratch::with(&[&[10]]);
    let (left, _) = batch(scratch.head, &[60_000]);
    scratch.leave_behind(&left);
    assert_eq!(opened(scratch.path()).head().unwrap().count, 2);
    scratch.tamper(|blocks| drop(blocks.remove(block::key(1, 2)).unwrap().unwrap()));
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

/// A stream that dies leaves whole batches in the log, but none to which the head leads.
#[test]
fn a_stream_that_died_before_its_first_value_lay_there_leaves_nothing() {
    let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
    let mut log = opened(scratch.path());
    let before = keys(&log);
    let mut writer = log.writer().unwrap();
    let mut head = scratch.head;
    for _ in 0..3 {
        let (whole, after) = batch(head, &[100; 2000]);
        writer.take(&whole).unwrap();
        head = after;
    }
    writer.sync_rest().unwrap();
    drop((writer, log));
    let mut log = opened(scratch.path());
    assert!(keys(&log).len() > before.len() + 20);
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[5]);
    assert_holds(&log, &scratch.records);
    assert_eq!(keys(&log).len(), before.len() + 1, "something was left");
}

#[test]
fn a_stream_that_died_after_its_first_value_lay_there_is_whole() {
    let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
    let mut log = opened(scratch.path());
    let mut writer = log.writer().unwrap();
    for _ in 0..3 {
        let (whole, head) = batch(scratch.head, &[100; 2000]);
        writer.take(&whole).unwrap();
        scratch.records.extend(whole);
        scratch.head = head;
    }
    writer.end().unwrap();
    drop(log);
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

#[test]
fn a_stream_that_is_broken_off_leaves_nothing_behind_the_head() {
    struct BreaksOff(Head, u8);
    impl BatchSource for BreaksOff {
        fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
            self.1 = self.1.checked_sub(1).ok_or(Aborted)?;
            let (batch, head) = batch(self.0, &[100; 2000]);
            self.0 = head;
            Ok(Some((batch, head)))
        }
    }
    let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
    let mut log = opened(scratch.path());
    let before = keys(&log);
    let outcome = log.append(scratch.head, &mut BreaksOff(scratch.head, 5));
    assert!(matches!(outcome, Err(AppendError::Failed(_))));
    assert_eq!(keys(&log), before);
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[5]);
    assert_holds(&log, &scratch.records);
}

/// sled's lock is let go of, and its files are closed, whoever may still have a reader.
#[test]
fn a_reader_does_not_keep_a_closed_store_open() {
    let scratch = Scratch::with(&[&[10; 70]]);
    let log = opened(scratch.path());
    let reader = log.reader();
    assert_eq!(reader.read(0, 100).unwrap().len(), 70);
    drop(log);
    drop(opened(scratch.path()));
    assert!(reader.read(0, 100).is_err());
}

#[test]
fn what_does_not_continue_the_chain_is_not_taken_in() {
    let scratch = Scratch::with(&[&[10]]);
    let elsewhere = Head {
        link: Hash([9; 32]),
        ..scratch.head
    };
    scratch.leave_behind(&batch(elsewhere, &[1, 2]).0);
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

#[test]
fn an_older_head_file_catches_up() {
    let mut scratch = Scratch::with(&[&[10; 3]]);
    let older = scratch.head_file();
    let mut log = opened(scratch.path());
    for at in 0..200 {
        scratch.append(&mut log, &[at, 2]);
    }
    drop(log);
    fs::write(scratch.path().join(HEAD), older).unwrap();
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

#[test]
fn single_appends_end_up_in_full_blocks() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for at in 0..400 {
        scratch.append(&mut log, &[at % 50]);
        assert!(keys(&log).len() <= SMALL_BLOCKS_TO_MERGE + at / 63, "{at}");
        if at == 100 {
            drop(log);
            log = opened(scratch.path());
        }
    }
    assert_holds(&log, &scratch.records);
    assert!(keys(&log).len() < 80);
}

#[test]
fn small_blocks_that_do_not_follow_each_other_are_not_merged() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for _ in 0..SMALL_BLOCKS_TO_MERGE - 1 {
        scratch.append(&mut log, &[5]);
    }
    let trees = log.trees().unwrap();
    let blocks = trees.blocks_to_write().unwrap();
    blocks.remove(block::key(9, 0)).unwrap().unwrap();
    drop(trees);
    scratch.append(&mut log, &[5]);
    assert_eq!(keys(&log).len(), SMALL_BLOCKS_TO_MERGE - 1);
    scratch.append(&mut log, &[5]);
}

/// A power cut may leave any prefix of what sled wrote. Whichever it is, what is there are the first
/// records, whole and in order: a merge is there or it is not.
#[test]
fn any_prefix_of_the_log_holds_a_prefix_of_the_chain() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for at in 0..130 {
        scratch.append(&mut log, &[at]);
    }
    let db = fs::read(scratch.db()).unwrap();
    std::mem::forget(log);
    let used = db.iter().rposition(|&byte| byte != 0).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..60).map(|part| used * part / 60) {
        let copy = Scratch::empty();
        remove_snaps(&copy);
        fs::write(copy.db(), &db[..cut]).unwrap();
        let log = opened(copy.path());
        let (found, damages) = (log.adopted(), read_all(&log).1);
        assert_eq!(damages, 0);
        let records = log.trees().unwrap().read(0, 1000, u64::MAX).unwrap();
        assert_eq!(
            records.len() as u64,
            log.head().unwrap().count,
            "cut at {cut}"
        );
        assert_eq!(found, log.head().unwrap());
        for (stored, sealed) in records.iter().zip(&scratch.records) {
            assert_eq!(stored.sealed, *sealed, "cut at {cut}");
        }
        seen.insert(records.len());
    }
    assert!(seen.len() > 8, "{seen:?}");
}

#[test]
fn sled_in_use_elsewhere_is_an_error_that_can_be_waited_out() {
    let scratch = Scratch::with(&[&[10]]);
    let held = opened(scratch.path());
    let error = Sled::open(scratch.path(), Instant::now()).unwrap_err();
    let busy =
        matches!(&error, LogError::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock);
    assert!(busy, "{error}");
    let path = scratch.path().to_owned();
    let waiting = std::thread::spawn(move || Sled::open(&path, soon()).map(drop));
    thread::sleep(Duration::from_millis(50));
    drop(held);
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_batch_that_does_not_give_the_head_is_refused() {
    let mut scratch = Scratch::with(&[&[10]]);
    let mut log = opened(scratch.path());
    let (more, head) = batch(scratch.head, &[1, 2]);
    assert!(
        log.append(scratch.head, &mut OneBatch::new(more[..1].to_vec(), head))
            .is_err()
    );
    assert!(log.append(scratch.head, &mut NoBatch).is_ok());
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[4]);
}

#[test]
fn a_half_written_snapshot_is_not_there() {
    let log = opened(Scratch::empty().path());
    let bytes = vec![5; 100_000];
    log.put(7, &bytes).unwrap();
    let trees = log.trees().unwrap();
    let tree = trees.snapshots_to_write().unwrap();
    let part = tree.remove(snapshot_key(7, 2)).unwrap().unwrap();
    assert_eq!(log.load(7).unwrap(), None);
    tree.insert(snapshot_key(7, 2), part).unwrap();
    assert_eq!(log.load(7).unwrap(), Some(bytes));
    tree.remove(snapshot_key(7, SEAL)).unwrap().unwrap();
    assert_eq!(log.load(7).unwrap(), None);
    assert_eq!(log.counts().unwrap(), Vec::<u64>::new());
}

/// Whoever reads much keeps no more of it in memory than sled caches of one handle's worth.
#[test]
fn a_store_that_was_read_much_is_opened_anew() {
    let scratch = Scratch::with(&[&[10; 300]]);
    let log = opened(scratch.path());
    let reader = log.reader();
    let read_so_far = |bytes| {
        log.trees()
            .unwrap()
            .bytes_read
            .swap(bytes, Ordering::SeqCst)
    };
    read_so_far(READ_PER_HANDLE);
    assert_eq!(reader.read(0, 1000).unwrap().len(), 300);
    assert_eq!(read_so_far(0), 0, "it was not opened anew");
    assert_holds(&log, &scratch.records);
}

#[test]
fn a_store_that_was_written_much_is_opened_anew_and_goes_on() {
    let mut scratch = Scratch::with(&[&[10; 300]]);
    let mut log = opened(scratch.path());
    let worn = |log: &Sled| {
        let trees = log.trees().unwrap();
        trees
            .bytes_written
            .swap(WRITTEN_PER_HANDLE, Ordering::SeqCst)
    };
    worn(&log);
    // More than are laid into the places that are kept ahead.
    let many = [20_000; 2_000];
    let head = log.head;
    let (records, after) = batch(head, &many);
    let mut source = Some((records.clone(), after));
    log.append(head, &mut Once(&mut source)).unwrap();
    scratch.records.extend(records);
    assert!(worn(&log) < WRITTEN_PER_HANDLE, "it was not opened anew");
    let long = vec![7; 20 * BLOCKS_PER_FLUSH * block::MAX_VALUE];
    log.put(2_300, &long).unwrap();
    assert!(worn(&log) < WRITTEN_PER_HANDLE, "it was not opened anew");
    assert!(log.load(2_300).unwrap() == Some(long));
    assert_holds(&log, &scratch.records);
    drop(log);
    assert_holds(&opened(scratch.path()), &scratch.records);
}

/// A stream of one batch.
struct Once<'a>(&'a mut Option<(Vec<Sealed>, Head)>);

impl BatchSource for Once<'_> {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        Ok(self.0.take())
    }
}

#[test]
fn panics_and_errors_of_sled_become_ours() {
    let path = Path::new("somewhere");
    let outcome = guarded::<()>("reading", path, || panic!("of {}", "sled"));
    let said = outcome.unwrap_err().to_string();
    assert_eq!(said, "reading somewhere: sled gave up: of sled");
    // The panic hook is told of these panics, and of no other.
    assert!(guarded("reading", path, || Ok(is_guarded())).unwrap());
    assert!(!is_guarded());
    let full = io::Error::from_raw_os_error(28);
    let copied = io::Error::new(full.kind(), format!("{full:?}"));
    let LogError::Io { source, .. } = translated("writing", path, ::sled::Error::Io(copied)) else {
        unreachable!();
    };
    assert_eq!(source.raw_os_error(), Some(28));
}
