//! Ledgers on the disk, laid by hand.

use super::*;

/// Copies a file, or a directory and all in it but the room that is held on the disk.
pub(super) fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "reserve" {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

pub(super) fn opened(dir: &Path) -> directory::LedgerDir {
    directory::open(dir, Duration::from_secs(5), "a test").unwrap()
}

pub(super) fn records_of(dir: &Path) -> Vec<Record> {
    let log = opened(dir);
    let mut records = Vec::new();
    while let Some(last) = {
        let chunk = log.read(records.len() as u64, 64).unwrap();
        records.extend(
            chunk
                .iter()
                .map(|stored| Record::open(&stored.sealed).unwrap()),
        );
        chunk.last().map(|stored| stored.seq)
    } {
        assert_eq!(last + 1, records.len() as u64);
    }
    records
}

pub(super) fn head_of(records: &[Record]) -> Head {
    records
        .last()
        .map_or(Head::EMPTY, |last| Head::after(&last.header))
}

pub(super) fn seal(records: &[Record]) -> Vec<Sealed> {
    records.iter().map(Record::seal).collect()
}

pub(super) fn event_of(record: &Record) -> Event {
    codec::decode(record.content().unwrap()).unwrap()
}

/// The checkpoint of some records under an origin.
pub(super) fn checkpoint_of(origin: &str, records: &[Record]) -> Checkpoint {
    let mut tree = Frontier::new();
    for record in records {
        tree.push(leaf_hash(&record.header.to_bytes())).unwrap();
    }
    Checkpoint::new(origin, tree.size(), tree.root()).unwrap()
}

/// Puts these bytes in the place of a ledger's records, with this head. What lies beside the log stays.
pub(super) fn lay_bytes(dir: &Path, sealed: &[Sealed], head: Head) {
    let keep = ["checkpoint", "cosigned"].map(|name| (name, fs::read(dir.join(name)).ok()));
    fs::remove_dir_all(dir).unwrap();
    let mut log = directory::create(dir, "a test").unwrap();
    log.append(Head::EMPTY, &mut OneBatch::new(sealed.to_vec(), head))
        .unwrap();
    log.flush().unwrap();
    drop(log);
    for (name, bytes) in keep {
        if let Some(bytes) = bytes {
            fs::write(dir.join(name), bytes).unwrap();
        }
    }
}

/// Puts records in the place of a ledger's, the last two of them in its journal alone, each in a frame of its own.
/// Gives the journal's bytes as they were before those.
pub(super) fn lay_in_journal(dir: &Path, records: &[Record]) -> Vec<u8> {
    let (before, last) = records.split_at(records.len() - 2);
    lay_bytes(dir, &seal(before), head_of(before));
    let earlier = fs::read(dir.join("journal")).unwrap();
    for record in last {
        let mut log = opened(dir);
        let head = log.head().unwrap();
        let after = Head::after(&record.header);
        log.append(head, &mut OneBatch::new(vec![record.seal()], after))
            .unwrap();
    }
    earlier
}

/// Changes the records in the journal's last frame, and makes its check sum fit: anybody can compute it.
pub(super) fn reframe(dir: &Path, change: impl FnOnce(&mut [u8])) {
    pub(super) const PAGE: usize = 4096;
    pub(super) const BODY: usize = 104;
    let path = dir.join("journal");
    let mut bytes = fs::read(&path).unwrap();
    let is_frame = |at: &usize| bytes[*at..].starts_with(b"srvdfrm");
    let at = (0..bytes.len()).step_by(PAGE).rfind(is_frame);
    let frame = &mut bytes[at.unwrap()..];
    let length = u64::from_le_bytes(*frame[BODY - 8..].first_chunk().unwrap());
    let end = BODY + usize::try_from(length).unwrap();
    change(&mut frame[BODY..end]);
    let checksum = local_checksum(&frame[..end]);
    frame[end..end + 32].copy_from_slice(&checksum.0);
    fs::write(path, bytes).unwrap();
}

/// Puts records in the place of a ledger's, with the head and the checkpoint that fit them: all that can be made
/// to fit without any key.
pub(super) fn lay(dir: &Path, records: &[Record]) {
    lay_bytes(dir, &seal(records), head_of(records));
    let origin = match event_of(&records[0]).fact {
        Fact::LedgerOpened(fact) => fact.origin.to_string(),
        _ => ORIGIN.to_owned(),
    };
    let checkpoint = checkpoint_of(&origin, records);
    fs::write(dir.join("checkpoint"), checkpoint.to_string()).unwrap();
}

pub(super) fn event(kind: Kind, pairs: &[(&str, &str)]) -> Event {
    let mut fields = Fields::default();
    for (name, text) in pairs {
        fields.set(name, vec![(*text).to_owned()]);
    }
    Event::build(kind, &fields).unwrap()
}

pub(super) fn note(text: &str) -> Event {
    event(Kind::Noted, &[("text", text)])
}

/// One more append of one event, bound as the program would.
pub(super) fn append(records: &mut Vec<Record>, event: &Event, keys: &[&SigningKey]) {
    let unbound = Unbound {
        content: codec::encode(event).unwrap(),
        salt: [7; SALT_LEN],
        erasable: event.kind().is_erasable(|| None),
        recorded_at: records.last().map_or(0, |last| last.header.recorded_at),
        asserted: false,
    };
    let (mut new, head) = bind(head_of(records), vec![unbound]);
    new[0].signatures = sign(ORIGIN, head, keys);
    records.extend(new);
}

/// A vkey whose point is the sum of a sound one and one of order 8.
pub(super) const MIXED_ORDER: &str = "alice+e1ed31ed+AWqE1YPwZWnts/Xtd99lVEsn1pSLTwsst28z3YQTsgcZ";

/// Appends a note and its redaction, and erases the note, as a ledger may; gives the note's number.
pub(super) fn erase_a_note(records: &mut Vec<Record>) -> String {
    let at = records.len();
    append(records, &note("the witness is Ana"), &[]);
    let number = at.to_string();
    let pairs = [
        ("record", &*number),
        ("reason", "private"),
        ("authority", "Ana"),
    ];
    append(records, &event(Kind::Redacted, &pairs), &[]);
    records[at].body = None;
    number
}
