//! The numbers in the docs are the program's, and what is over one is refused with it.

use std::fs;

use servanda::intake::{rules, table};
use servanda_core::chain::{note, policy, proof, record};
use servanda_core::state;
use servanda_core::value::{base, id};
use servanda_core::view::occurrences;
use servanda_core::{event, ndjson};
use servanda_log::{journal, served, sled};
use servanda_witness::serve;

use crate::program::Scratch;

/// What is limited, in the words of `docs/limits.md`, and to what.
fn limits() -> Vec<(&'static str, u64)> {
    let number = |limit: usize| u64::try_from(limit).unwrap();
    vec![
        ("records of a ledger", state::RECORD_LIMIT),
        ("events of one append", number(servanda_ledger::BATCH_LIMIT)),
        (
            "a payload, with its schema version",
            number(record::PAYLOAD_LIMIT),
        ),
        ("a text in it", number(base::TEXT_LIMIT)),
        ("an id", number(id::SLUG_LIMIT)),
        ("an import key", number(event::IMPORT_KEY_LIMIT)),
        ("signatures of one batch", number(record::SIGNATURES_LIMIT)),
        (
            "a line of an import, and one event for `record --file`",
            number(ndjson::LINE_LIMIT),
        ),
        (
            "refused lines that an import lists",
            number(servanda_ledger::LISTED),
        ),
        ("a foreign table", table::TABLE_LIMIT),
        (
            "a workbook once it is unpacked, and the texts of its cells",
            table::UNPACKED_LIMIT,
        ),
        ("a rules file", number(rules::RULES_LIMIT)),
        ("a checkpoint, with its signatures", number(note::MAX_LEN)),
        ("signatures of a checkpoint", number(note::MAX_SIGNATURES)),
        ("a proof", number(proof::MAX_LEN)),
        ("a policy", number(policy::MAX_LEN)),
        (
            "logs, witnesses and groups of a policy, each",
            number(policy::MAX_ENTRIES),
        ),
        ("a request to a witness", number(serve::MAX_BODY)),
        (
            "connections to a witness at once",
            number(serve::MAX_CONNECTIONS),
        ),
        (
            "connections to a witness from one address",
            number(serve::MAX_CONNECTIONS_OF_ONE),
        ),
        #[cfg(feature = "serve")]
        (
            "a batch of events that is sent to a server",
            number(servanda_serve::BATCH_BYTES),
        ),
        #[cfg(feature = "serve")]
        (
            "a form that is sent to a server, without its document",
            number(servanda_serve::FORM_BYTES),
        ),
        (
            "a document that is kept beside the ledger",
            servanda_ledger::documents::DOCUMENT_BYTES,
        ),
        #[cfg(feature = "serve")]
        (
            "events that wait in a browser's session to be recorded together",
            number(servanda_serve::access::HELD),
        ),
        #[cfg(feature = "serve")]
        (
            "connections to a server at once",
            number(servanda_serve::LIMITS.connections),
        ),
        #[cfg(feature = "serve")]
        (
            "connections to a server from one address",
            number(servanda_serve::LIMITS.connections_of_one),
        ),
        (
            "requests to a server that wait for the log",
            number(servanda_ledger::group::WAITING_MAX),
        ),
        (
            "connections of commands to a server, by its socket",
            number(served::MAX_CLIENTS),
        ),
        (
            "bytes of a frame on such a connection",
            number(served::MAX_FRAME),
        ),
        (
            "occurrences of a deadline that are counted",
            number(occurrences::OCCURRENCES_LIMIT),
        ),
        ("the journal of a ledger", number(journal::SIZE)),
        ("the reserve of a ledger", number(sled::RESERVE_BYTES)),
    ]
}

/// The rows of the table below a heading that have a number: what, and the number before a unit or a remark.
fn rows(file: &str, heading: &str) -> Vec<(String, u64)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/");
    let text = fs::read_to_string(format!("{path}{file}")).unwrap();
    let (_, section) = text.split_once(&format!("{heading}\n")).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let number = cells[2].split(' ').next().unwrap().replace(',', "");
        Some((cells[1].to_owned(), number.parse().ok()?))
    })
    .collect()
}

#[test]
fn the_stated_limits_are_the_enforced_ones() {
    let limits = limits();
    let owned = |(what, limit): &(&str, u64)| ((*what).to_owned(), *limit);
    let due: Vec<_> = limits.iter().map(owned).collect();
    assert_eq!(rows("limits.md", "# Limits"), due);

    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limits.md")).unwrap();
    let waits = format!(
        "A witness waits {} seconds for the head of a request, {} for its body, and ends a connection after {}.",
        serve::HEAD_SECONDS,
        serve::BODY_SECONDS,
        serve::CONNECTION_SECONDS
    );
    assert!(text.contains(&waits), "{waits}");
    #[cfg(feature = "serve")]
    {
        let limits = servanda_serve::LIMITS;
        let [head, body, idle, connection] =
            [limits.head, limits.body, limits.idle, limits.connection].map(|time| time.as_secs());
        let waits = format!(
            "A server waits {head} seconds for the head of a request, {body} for its body, {idle} for the next request or for a client to take a part of\nan answer, and ends a connection after {connection}."
        );
        assert!(text.contains(&waits), "{waits}");
    }

    // What the format says of the same things, in its own words.
    let of = |what: &str| limits.iter().find(|(name, _)| *name == what).unwrap().1;
    let due = [
        (
            "a payload, with its schema",
            of("a payload, with its schema version"),
        ),
        (
            "a Text, also the one inside a Name, an Identifier or a Citation (what stands before and after it is not counted)",
            of("a text in it"),
        ),
        ("a Slug (an id)", of("an id")),
        ("an import key", of("an import key")),
        ("signatures of one batch", of("signatures of one batch")),
        ("one batch", of("events of one append")),
    ];
    let stated = rows("format.md", "## Limits");
    for row in due.each_ref().map(owned) {
        assert!(stated.contains(&row), "not in docs/format.md: {row:?}");
    }
}

/// Files are measured before they are read.
#[test]
fn a_file_that_is_too_long_is_refused_with_the_limit() {
    let scratch = Scratch::with_ledger();
    let kept = scratch.kept_files();
    let long = |name: &str, limit: u64| {
        let file = fs::File::create(scratch.path(name)).unwrap();
        file.set_len(limit + 1).unwrap();
        format!("cannot read {name}: it is longer than {limit} bytes")
    };
    let says = [
        long("table.csv", table::TABLE_LIMIT),
        long("rules.toml", rules::RULES_LIMIT as u64),
    ];
    scratch.write("short.csv", "a,b\n1,2\n");
    let import = |table: &str, words: &[&str]| scratch.run(&[&["import", table], words].concat());
    import("short.csv", &["--rules", "rules.toml"]).fails(1, &["error:", &says[1], "hint:"]);
    import("table.csv", &["--suggest"]).fails(1, &["error:", &says[0], "hint:"]);
    assert_eq!(scratch.kept_files(), kept);
}
