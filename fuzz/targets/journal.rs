//! A journal's file with any bytes: it opens or says why not, and what it gives back is never more than it was given.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servanda::store::Store;
use servanda::store::journal::Journal;
use servanda::store::memory::Memory;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().expect("there is a scratch directory");
    let path = dir.path().join("journal");
    std::fs::write(&path, bytes).expect("a scratch file is written");
    if let Ok(journal) = Journal::open(&path, Memory::default())
        && let Ok(head) = journal.head()
    {
        let found = journal.read(0, 16).unwrap_or_default();
        assert!(found.len() as u64 <= head.count, "more than was acknowledged");
    }
});
