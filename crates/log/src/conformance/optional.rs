//! Checks of the optional parts of a log: snapshots, erasing, compacting.

use super::site::{Outcome, Site};
use super::twin::{Twin, expect};
use crate::error::Unsupported;
use crate::log::{Parts as _, Stored};

/// The log has each part or lacks it, as its site says.
pub(super) fn parts(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for (part, is_there) in [
        (Unsupported::Snapshots, twin.log.snapshots().is_some()),
        (Unsupported::Erasing, twin.log.eraser().is_some()),
        (Unsupported::Compacting, twin.log.compactor().is_some()),
    ] {
        expect(is_there != site.lacks().contains(&part), || {
            format!("{part:?} is there: {is_there}")
        })?;
    }
    Ok(())
}

pub(super) fn snapshots(site: &mut dyn Site) -> Outcome {
    let twin = Twin::open(site)?;
    for (count, bytes) in [
        (300, &b"three"[..]),
        (5, b""),
        (70_000, b"seven"),
        (300, b"again"),
    ] {
        twin.put(count, bytes)?;
        let found = twin.load(count)?;
        expect(found.as_deref() == Some(bytes), || {
            format!("snapshot {count} is {found:?}")
        })?;
    }
    let listed = twin.counts()?;
    expect(listed == [5, 300, 70_000], || {
        format!("listed are {listed:?}")
    })?;
    let missing = twin.load(6)?;
    expect(missing.is_none(), || {
        "there is a snapshot that was never put".to_owned()
    })?;
    twin.remove(300)?;
    twin.remove(6)?;
    let listed = twin.counts()?;
    expect(listed == [5, 70_000], || {
        format!("after dropping 300, listed are {listed:?}")
    })?;
    let dropped = twin.load(300)?;
    expect(dropped.is_none(), || {
        "a dropped snapshot is there".to_owned()
    })
}

pub(super) fn big_snapshots(site: &mut dyn Site) -> Outcome {
    let twin = Twin::open(site)?;
    let long: Vec<u8> = (0..1_000_000_u32).map(|i| (i ^ (i >> 9)) as u8).collect();
    for length in [long.len(), 24 * 1024, 24 * 1024 + 1, 48 * 1024, 1] {
        let bytes = &long[..length];
        twin.put(9, bytes)?;
        let found = twin.load(9)?;
        expect(found.as_deref() == Some(bytes), || {
            format!("{length} bytes come back otherwise")
        })?;
    }
    Ok(())
}

pub(super) fn snapshots_keep_apart(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10; 5])?;
    twin.put(5, b"five")?;
    twin.compare(10)?;
    twin.append(&[10; 5])?;
    twin.remove(5)?;
    twin.compare(10)
}

pub(super) fn erasing(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for lengths in [&[7; 3][..], &[65_536], &[7; 100], &[60_000; 2], &[7], &[9]] {
        twin.append(lengths)?;
    }
    let has_snapshots = twin.log.snapshots().is_some();
    if has_snapshots {
        twin.put(3, b"three")?;
    }
    // One alone in its value, a long one, neighbours, the first and the last, not in order.
    for seqs in [&[50][..], &[3], &[105, 104], &[107, 0], &[50]] {
        twin.erase(seqs)?;
        twin.compare(10)?;
        if has_snapshots {
            let snapshots = twin.counts()?;
            expect(snapshots.is_empty(), || {
                format!("after erasing there are snapshots of {snapshots:?}")
            })?;
            twin.put(3, b"three")?;
        }
    }
    // Nothing to erase removes no snapshot.
    twin.erase(&[])?;
    if has_snapshots {
        let snapshots = twin.counts()?;
        expect(snapshots == [3], || format!("snapshots of {snapshots:?}"))?;
    }
    twin.append(&[100; 70])?;
    twin.compare(64)
}

pub(super) fn reopening_keeps_erased(site: &mut dyn Site) -> Outcome {
    if !site.keeps() {
        return Ok(());
    }
    let mut twin = Twin::open(site)?;
    twin.append(&[50; 200])?;
    twin.erase(&[7])?;
    let mut twin = twin.reopen(site)?;
    twin.compare(1)?;
    twin.erase(&[110])?;
    twin.append(&[5])?;
    twin.reopen(site)?.compare(1000)
}

pub(super) fn erasing_nowhere(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10, 20])?;
    let first = twin.bodiless(0)?;
    let beyond = Stored {
        seq: 2,
        ..first.clone()
    };
    expect(
        twin.log
            .erasing()
            .and_then(|log| log.erase(&[first, beyond]))
            .is_err(),
        || "a record that is not there was erased".to_owned(),
    )?;
    twin.compare(10)?;
    twin.append(&[5])?;
    twin.compare(10)
}

pub(super) fn compacting(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.compact()?;
    twin.compare(10)?;
    for at in 0..100 {
        twin.append(&[at])?;
    }
    twin.append(&[300; 600])?;
    twin.append(&[65_536, 3])?;
    twin.erase(&[7])?;
    twin.put(3, b"three")?;
    let reader = twin.log.reader();
    for _ in 0..2 {
        twin.compact()?;
        twin.compare(100)?;
        expect(reader.read(0, 1).is_ok(), || "a reader was lost".to_owned())?;
        let snapshot = twin.load(3)?;
        expect(snapshot.as_deref() == Some(b"three"), || {
            format!("the snapshot is {snapshot:?}")
        })?;
        twin.append(&[9; 3])?;
    }
    twin.compare(1)
}
