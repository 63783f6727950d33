//! Attacks by somebody with the disk and little understanding, or by the disk.

use super::*;

impl Attack {
    /// By somebody with the disk and little understanding, or by the disk.
    pub(super) fn on_bytes() -> Vec<Self> {
        vec![
            Self {
                name: "A byte of a record's header changed",
                make: |honest, dir| flip(honest, dir, 12, |_| 40),
                expected: [
                    "found: link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                ],
            },
            Self {
                name: "A byte of a record's salt changed",
                make: |honest, dir| flip(honest, dir, 12, |_| HEADER_LEN + 3),
                expected: ["found: payload, exit 10"; 4],
            },
            Self {
                name: "A letter of what was recorded changed",
                make: |honest, dir| flip(honest, dir, 12, |bytes| bytes - 3),
                expected: ["found: payload, exit 10"; 4],
            },
            Self {
                name: "A byte of a recorder's signature changed",
                make: |honest, dir| flip(honest, dir, SIGNED, |bytes| bytes - 9),
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A record taken out",
                make: |honest, dir| {
                    let records = honest.records();
                    lay(dir, &records[..12]);
                    for at in [12, 13] {
                        let before = head_of(&records[..at]);
                        let after = head_of(&records[..=at]);
                        let one = seal(&records[at..=at]);
                        let mut log = opened(dir);
                        log.append(before, &mut OneBatch::new(one.to_vec(), after))
                            .unwrap();
                        log.flush().unwrap();
                    }
                    with_blocks(dir, |blocks| drop(blocks.remove(block_of(12)).unwrap()));
                },
                expected: MISSING,
            },
            Self {
                name: "A payload removed that no record redacts",
                make: |honest, dir| changed(honest, dir, |records| records[12].body = None),
                expected: ["found: payload-gone, exit 10"; 4],
            },
            Self {
                name: "The first record redacted and its payload removed, to hide the ledger's name",
                make: |honest, dir| {
                    let mut records = honest.records();
                    let pairs = [("record", "0"), ("reason", "none"), ("authority", "none")];
                    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
                    records[0].body = None;
                    lay_bytes(dir, &seal(&records), head_of(&records));
                },
                expected: ["found: payload-gone and signature, exit 10"; 4],
            },
            Self {
                name: "An erased record whose header says that its payload was longer than any can be",
                make: |honest, dir| {
                    let mut records = honest.records();
                    erase_a_note(&mut records);
                    let at = records.len() - 2;
                    records[at].header.payload_len = u32::MAX;
                    records[at + 1].header.prev = head_of(&records[..=at]).link;
                    lay_bytes(dir, &seal(&records), head_of(&records));
                },
                expected: ["found: malformed, exit 10"; 4],
            },
            Self {
                name: "A forged snapshot, so that reports are made of other events",
                make: |_, dir| {
                    let log = opened(dir);
                    let mut forged = replay(&log, KnownAt::Now).unwrap();
                    // A snapshot holds no text that could be another; what stands and what there is, it does.
                    let last = Seq(RECORDS as u64 - 1);
                    let party = [("id", "peru"), ("kind", "state"), ("name", "Peru")];
                    forged.state.rewind(last.0).unwrap();
                    forged.state.apply(&Entry {
                        seq: last,
                        recorded_at: forged.last_recorded,
                        event: event(Kind::PartyRegistered, &party),
                    });
                    let bytes = snapshot::encode(&forged);
                    log.put(RECORDS as u64, &bytes).unwrap();
                },
                expected: ["found: snapshot, exit 10"; 4],
            },
            Self {
                name: "The store's file cut to nothing, its table of pages deleted",
                make: |_, dir| cut_db(dir, |_| 0),
                expected: ["found: missing, exit 10"; 4],
            },
            Self {
                name: "The store's file cut in its middle, its table of pages deleted",
                make: |_, dir| cut_db(dir, |bytes| bytes / 2),
                expected: MISSING,
            },
            Self {
                name: "The store's file cut in its first page, its table of pages deleted",
                make: |_, dir| cut_db(dir, |_| 4000),
                expected: MISSING,
            },
        ]
    }

    /// By an operator, who can make everything fit but signatures.
    pub(super) fn on_the_whole() -> Vec<Self> {
        vec![
            Self {
                name: "The tail cut, the head and all else made to fit",
                make: |honest, dir| changed(honest, dir, |records| records.truncate(12)),
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The tail cut, and other events appended",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        records.truncate(12);
                        for text in ["all is well", "it was never better", "the end"] {
                            append(records, &note(text), &[]);
                        }
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "An older copy of the directory put back",
                make: |honest, dir| {
                    fs::remove_dir_all(dir).unwrap();
                    copy(&honest.scratch.path("older"), dir);
                },
                expected: [NOT_FOUND, ANCHOR, UNANCHORED, ANCHOR],
            },
            Self {
                name: "The ledger and its user's memory both put back",
                make: |honest, dir| {
                    fs::remove_dir_all(dir).unwrap();
                    copy(&honest.scratch.path("older"), dir);
                    let state = dir.parent().unwrap().join("state");
                    copy(&honest.scratch.path("older-state"), &state);
                },
                expected: [NOT_FOUND, NOT_FOUND, UNANCHORED, ANCHOR],
            },
            Self {
                name: "All written anew from a record on that no signature covers",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        rewrite(records, UNSIGNED, ORIGIN, &[], reworded(12));
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "All written anew from a record on that a recorder signed, without the recorder's key",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        rewrite(records, SIGNED, ORIGIN, &[], reworded(SIGNED));
                    });
                },
                expected: [
                    SIGNATURE,
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                ],
            },
            Self {
                name: "All written anew under another ledger's name",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let other = "example.org/attаcked";
                        let keys = [&honest.keys.alice];
                        rewrite(records, 0, other, &keys, |at, event| {
                            match &mut event.fact {
                                Fact::LedgerOpened(fact) => fact.origin = other.parse().unwrap(),
                                _ => reworded(12)(at, event),
                            }
                        });
                        acknowledge_again(records, other, &honest.keys);
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The head put back alone (what follows it is taken in again)",
                make: |honest, dir| {
                    let old = honest.scratch.path("older").join("head");
                    fs::copy(old, dir.join("head")).unwrap();
                },
                expected: [NOT_FOUND; 4],
            },
        ]
    }

    /// On the journal, in which the last two records lie alone.
    pub(super) fn on_the_journal() -> Vec<Self> {
        const UNREADABLE: [&str; 4] = ["found: cannot be opened, exit 10"; 4];
        vec![
            Self {
                name: "The newest records in the journal alone: nothing is done to it",
                make: |honest, dir| drop(lay_in_journal(dir, &honest.records())),
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "The journal deleted",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    fs::remove_file(dir.join("journal")).unwrap();
                },
                expected: UNREADABLE,
            },
            Self {
                name: "The journal cut",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    let journal = fs::OpenOptions::new().write(true).open(dir.join("journal"));
                    journal.unwrap().set_len(20_000).unwrap();
                },
                expected: UNREADABLE,
            },
            Self {
                name: "The frames in the journal overwritten with zeros",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    let mut journal = fs::read(dir.join("journal")).unwrap();
                    journal[8192..].fill(0);
                    fs::write(dir.join("journal"), journal).unwrap();
                },
                expected: MISSING,
            },
            Self {
                name: "A letter in a frame of the journal changed, its check sum made to fit",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    reframe(dir, |records| {
                        let at = records.windows(7).position(|part| part == b"the end");
                        records[at.unwrap()] = b'T';
                    });
                },
                expected: ["found: payload, exit 10"; 4],
            },
            Self {
                name: "The journal swapped for an older copy of itself",
                make: |honest, dir| {
                    let older = lay_in_journal(dir, &honest.records());
                    fs::write(dir.join("journal"), older).unwrap();
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The journal swapped for an older copy of itself, its frames all handed over before",
                make: |honest, dir| {
                    let older = lay_in_journal(dir, &honest.records());
                    opened(dir).flush().unwrap();
                    fs::write(dir.join("journal"), older).unwrap();
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "The journal swapped for one in which the newest records were written anew",
                make: |honest, dir| {
                    let mut records = honest.records();
                    rewrite(
                        &mut records,
                        RECORDS - 2,
                        ORIGIN,
                        &[],
                        reworded(RECORDS - 2),
                    );
                    lay_in_journal(dir, &records);
                    let forged = fs::read(dir.join("journal")).unwrap();
                    lay_in_journal(dir, &honest.records());
                    fs::write(dir.join("journal"), forged).unwrap();
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The journal swapped for that of another history",
                make: |honest, dir| {
                    let mut other = honest.records();
                    rewrite(&mut other, UNSIGNED, ORIGIN, &[], reworded(UNSIGNED));
                    lay_in_journal(dir, &other);
                    let forged = fs::read(dir.join("journal")).unwrap();
                    lay_in_journal(dir, &honest.records());
                    fs::write(dir.join("journal"), forged).unwrap();
                },
                expected: [
                    "found: link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                ],
            },
        ]
    }
}
