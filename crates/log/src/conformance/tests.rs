use super::*;
use crate::log::Log;
use crate::memory::MemoryLog;

struct InMemory;

impl Site for InMemory {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        Ok(Box::new(MemoryLog::default()))
    }
    fn keeps(&self) -> bool {
        false
    }
}

#[test]
fn memory_conforms() {
    assert_eq!(check(&mut || Box::new(InMemory)), Vec::<String>::new());
}

#[test]
fn a_log_that_forgets_does_not() {
    struct Forgetful;
    impl Site for Forgetful {
        fn open(&mut self) -> Result<Box<dyn Log>, String> {
            Ok(Box::new(MemoryLog::default()))
        }
    }
    let failed = check(&mut || Box::new(Forgetful));
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert!(
        failed
            .iter()
            .all(|failed| failed.starts_with("reopening keeps ")),
        "{failed:?}"
    );
}

#[test]
fn a_log_that_has_a_part_and_denies_it_does_not() {
    struct Denying;
    impl Site for Denying {
        fn open(&mut self) -> Result<Box<dyn Log>, String> {
            Ok(Box::new(MemoryLog::default()))
        }
        fn keeps(&self) -> bool {
            false
        }
        fn lacks(&self) -> &[Unsupported] {
            ERASING
        }
    }
    let failed = check(&mut || Box::new(Denying));
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].contains("parts"), "{failed:?}");
}
