use std::time::Duration;

use super::*;
use crate::log::Log as _;
use crate::source::OneBatch;
use crate::testing::batch;
use servanda_core::chain::record::Head;

#[test]
fn an_unknown_scheme_is_refused_with_the_known_ones() {
    let error = Registry::default()
        .of(&Location::new("carrier-pigeon:home"))
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.starts_with("carrier-pigeon:home: "), "{text}");
    assert!(text.contains("memory:"), "{text}");
}

#[test]
fn a_log_in_memory_is_found_again_by_its_name_in_the_same_registry() {
    let registry = Registry::default();
    let at = Location::new("memory:one");
    let backend = registry.of(&at).unwrap();
    let open = || backend.open(&at, Duration::ZERO, "a test");
    assert!(matches!(open().err(), Some(OpenError::NoLedger(_))));
    backend.check_can_create(&at).unwrap();
    let mut log = backend.create(&at, "a test").unwrap();
    let (records, head) = batch(Head::EMPTY, &[5, 6]);
    log.append(Head::EMPTY, &mut OneBatch::new(records, head))
        .unwrap();
    drop(log);
    assert_eq!(open().unwrap().head().unwrap(), head);
    let again = backend.create(&at, "a test").err();
    assert!(
        matches!(again, Some(OpenError::AlreadyALedger(_))),
        "{again:?}"
    );
    let other = Location::new("memory:two");
    backend.check_can_create(&other).unwrap();
}

#[cfg(feature = "sled")]
#[test]
fn a_directory_is_opened_by_path_and_by_url_and_named_as_given() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::default();
    let path = scratch.path().join("a ledger");
    let url = Location::new(format!("file://{}/a%20ledger", scratch.path().display()));
    let backend = registry.of(&url).unwrap();
    let missing = backend.open(&url, Duration::ZERO, "a test").err().unwrap();
    assert_eq!(missing.to_string(), format!("{url} does not exist"));
    drop(backend.create(&url, "a test").unwrap());
    let by_path = Location::from(path.as_path());
    let log = registry.of(&by_path).unwrap();
    let mut log = log.open(&by_path, Duration::ZERO, "a test").unwrap();
    let (records, head) = batch(Head::EMPTY, &[5]);
    log.append(Head::EMPTY, &mut OneBatch::new(records, head))
        .unwrap();
    drop(log);
    let again = backend.check_can_create(&url).unwrap_err();
    assert_eq!(again.to_string(), format!("{url} is a ledger already"));
}
