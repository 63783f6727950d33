use super::*;

#[test]
fn a_token_is_good_until_it_is_taken_back_and_nothing_of_it_is_kept() {
    let dir = std::env::temp_dir().join(format!("servanda-access-{}", random().unwrap()));
    std::fs::create_dir(&dir).unwrap();
    let file = AccessFile::new(dir.join("access"));
    assert_eq!(file.who("servanda_x"), None);
    let token = file.add("ana", Role::Recorder, Some("Ana")).unwrap();
    let ana = Who {
        name: "ana".into(),
        role: Role::Recorder,
        records_as: Some("Ana".into()),
    };
    assert_eq!(file.who(&token), Some(ana.clone()));
    assert_eq!(file.still("ana", &digest(&token)), Some(ana));
    assert!(matches!(
        file.add("ana", Role::Reader, None),
        Err(FileError::Known(_))
    ));
    let other = file.add("bo", Role::Reader, None).unwrap();
    assert_ne!(token, other);
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert!(!text.contains(&token) && !text.contains(&other));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    file.remove("ana").unwrap();
    assert_eq!(file.who(&token), None);
    assert_eq!(file.still("ana", &digest(&token)), None);
    assert!(file.who(&other).is_some());
    assert!(matches!(file.remove("ana"), Err(FileError::Unknown(_))));
    std::fs::write(file.path(), "{}").unwrap();
    assert!(matches!(file.entries(), Err(FileError::Malformed { .. })));
    assert_eq!(file.who(&other), None);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn roles_may_what_they_are_for() {
    let may = |role: Role| {
        [Needs::Read, Needs::Audit, Needs::Record, Needs::Erase].map(|needs| role.may(needs))
    };
    assert_eq!(may(Role::Reader), [true, false, false, false]);
    assert_eq!(may(Role::Auditor), [true, true, false, false]);
    assert_eq!(may(Role::Recorder), [true, true, true, false]);
    assert_eq!(may(Role::Admin), [true; 4]);
    for role in Role::ALL {
        assert_eq!(role.word().parse(), Ok(*role));
    }
}

#[test]
fn those_who_try_tokens_have_to_wait_and_others_need_not() {
    let throttle = Throttle::default();
    let (one, same, other) = ("2001:db8::1", "2001:db8::2", "192.0.2.1");
    let wait = |address: &str| throttle.wait(address.parse().unwrap());
    for _ in 0..10 {
        assert_eq!(wait(one), None);
        throttle.note_wrong(one.parse().unwrap());
    }
    assert!(wait(one).is_some_and(|seconds| seconds <= 61));
    assert!(wait(same).is_some());
    assert_eq!(wait(other), None);
}

#[test]
fn sessions_are_found_until_they_end() {
    let sessions = Sessions::default();
    let id = sessions.begin("ana", "token").unwrap();
    let session = sessions.find(&id).unwrap();
    assert_eq!(
        (session.name.as_str(), session.token_digest),
        ("ana", digest("token"))
    );
    assert!(sessions.find("other").is_none());
    sessions.note_saved(&session.csrf, "form", "/records/3");
    assert_eq!(
        sessions.saved(&session.csrf, "form").as_deref(),
        Some("/records/3")
    );
    assert_eq!(sessions.saved("other", "form"), None);
    sessions.end(&id);
    assert!(sessions.find(&id).is_none());
}

#[test]
fn texts_are_compared_whole() {
    assert!(is_same("", "") && is_same("abc", "abc"));
    assert!(!is_same("abc", "abd") && !is_same("abc", "ab") && !is_same("", "a"));
}
