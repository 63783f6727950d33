//! What forms do beside one record: documents, several events at once, what is destroyed; and the calendar.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::{Answer, Client, Serving};
use super::communique;
use super::pages::{hidden, send};
use crate::program::Scratch;

/// A document that has the form of a PDF as far as its first bytes go, and markup in it.
const DOCUMENT: &[u8] = b"%PDF-1.7\r\n--parts<script>alert(1)</script>\0\xff";

/// Sends a form with a file.
fn send_file(
    browser: &Client,
    path: &str,
    page: &str,
    more: &[(&str, &str)],
    file: (&str, &[u8]),
) -> Answer {
    let hidden = hidden(page.split("<footer").next().unwrap());
    let fields = hidden
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<_> = fields.chain(more.iter().copied()).collect();
    browser.post_file(path, &fields, file)
}

/// Registers a source with a document by form.
fn register(browser: &Client, id: &str) {
    let form = browser.get("/record/source").body;
    assert!(form.contains("enctype=\"multipart/form-data\""), "{form}");
    let typed = [("id", id), ("kind", "report"), ("title", "Minutes")];
    let file = ("document-of-digest", DOCUMENT);
    let preview = send_file(browser, "/record/source", &form, &typed, file);
    assert_eq!(preview.status, 200, "{preview:?}");
    let saved = send(
        browser,
        "/record/source",
        &preview.body,
        &[("step", "save")],
    );
    assert_eq!(saved.status, 303, "{saved:?}");
}

/// The files of documents beside a ledger.
fn kept(scratch: &Scratch) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(scratch.ledger().join("documents"));
    entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn a_document_is_kept_opened_again_verified_and_destroyed() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    register(&browser, "S7");
    let files = kept(&scratch);
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read(&files[0]).unwrap(), DOCUMENT);
    let opened = browser.get("/sources/S7/document");
    assert_eq!((opened.status, opened.bytes.as_slice()), (200, DOCUMENT));
    // A browser runs and shows nothing of it in the name of the server.
    assert_eq!(
        opened.header("content-disposition"),
        Some("attachment; filename=\"S7.pdf\"")
    );
    assert_eq!(opened.header("x-content-type-options"), Some("nosniff"));
    let policy = opened.header("content-security-policy").unwrap();
    assert!(
        policy.contains("sandbox") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert_eq!(Client::of(&serving).get("/sources/S7/document").status, 303);
    assert_eq!(browser.get("/sources/S1/document").status, 404);
    // Asked twice, and only then destroyed.
    let path = "/sources/S7/document/destroy";
    let form = browser.get(path).body;
    let again = send(
        &browser,
        path,
        &form,
        &[("reason", "by order of the court")],
    );
    assert!(
        again.body.contains("Is it to be gone for good?"),
        "{}",
        again.body
    );
    assert_eq!(kept(&scratch).len(), 1);
    let done = send(&browser, path, &again.body, &[("step", "destroy")]);
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("/sources/S7"))
    );
    assert!(kept(&scratch).is_empty());
    assert_eq!(browser.get("/sources/S7/document").status, 404);
    assert!(browser.get("/log").body.contains("by order of the court"));
    serving.stop("-TERM");
    scratch.run(&["verify"]).ok();
}

#[test]
fn verify_counts_documents_and_finds_a_changed_one() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    register(&browser, "S7");
    serving.stop("-TERM");
    let paper = scratch.write("paper.txt", "elsewhere");
    let paper = paper.display().to_string();
    let source = |id: &'static str, more: &[&'static str]| {
        let mut words = vec![
            "record",
            "source",
            id,
            "--kind",
            "report",
            "--title",
            "t",
            "--document",
            &paper,
        ];
        words.extend(more);
        scratch.run(&words).ok();
    };
    source("S8", &[]);
    let sound = scratch.run(&["verify"]).ok();
    assert!(sound.contains("documents beside the ledger"), "{sound}");
    assert!(
        sound.contains("1 document with a registered digest: not beside the ledger"),
        "{sound}"
    );
    // The command line keeps one too.
    source("S9", &["--keep"]);
    assert_eq!(kept(&scratch).len(), 2);
    let changed = kept(&scratch)
        .into_iter()
        .find(|path| std::fs::read(path).unwrap() == DOCUMENT);
    std::fs::write(changed.unwrap(), b"%PDF-1.7 other").unwrap();
    scratch.run(&["verify"]).fails(10, &[]);
    let told = scratch.run(&["verify", "--format", "json"]).stdout;
    assert!(
        told.contains("\"document\"") && told.contains("another digest"),
        "{told}"
    );
    // What no source names is destroyed.
    let digest = "0".repeat(64);
    std::fs::write(scratch.ledger().join("documents").join(&digest), "x").unwrap();
    scratch.run(&["redact", "--finish"]).ok();
    assert_eq!(kept(&scratch).len(), 2);
}

#[test]
fn a_document_with_another_digest_is_not_taken_for_a_source() {
    let scratch = communique();
    let paper = scratch
        .write("paper.txt", "the paper")
        .display()
        .to_string();
    scratch
        .run(&[
            "record",
            "source",
            "S8",
            "--kind",
            "report",
            "--title",
            "t",
            "--document",
            &paper,
        ])
        .ok();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let page = browser.get("/sources/S8").body;
    assert!(page.contains("It is kept elsewhere."), "{page}");
    let path = "/sources/S8/document";
    let other = send_file(&browser, path, &page, &[], ("document", b"another paper"));
    assert_eq!(other.status, 422, "{other:?}");
    assert!(kept(&scratch).is_empty());
    let long = vec![b'x'; 16 * 1024 * 1024 + 1];
    let long = send_file(&browser, path, &page, &[], ("document", &long));
    assert_eq!(long.status, 413, "{}", long.status);
    assert_eq!(
        browser
            .post_file(path, &[], ("document", b"the paper"))
            .status,
        403
    );
    let own = send_file(&browser, path, &page, &[], ("document", b"the paper"));
    assert_eq!(own.status, 303, "{own:?}");
    assert_eq!(browser.get(path).bytes, b"the paper");
}

#[test]
fn several_events_are_recorded_together_or_none() {
    let scratch = Scratch::with_ledger();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let hold = |kind: &str, typed: &[(&str, &str)]| {
        let path = format!("/record/{kind}");
        let form = browser.get(&path).body;
        let preview = send(&browser, &path, &form, typed);
        assert_eq!(preview.status, 200, "{preview:?}");
        let held = send(&browser, &path, &preview.body, &[("step", "hold")]);
        assert_eq!(
            (held.status, held.header("location")),
            (303, Some("/record")),
            "{held:?}"
        );
    };
    let own = |page: &str, step: &str| {
        let form = page
            .split("<form method=\"post\" action=\"/record\"")
            .nth(1)
            .unwrap();
        let form = form.split("</form>").next().unwrap().to_owned();
        send(&browser, "/record", &form, &[("step", step)])
    };
    hold(
        "party",
        &[("id", "ash"), ("kind", "state"), ("name", "Ash")],
    );
    hold(
        "party",
        &[("id", "elm"), ("kind", "state"), ("name", "Elm")],
    );
    // A form sees what waits before it.
    let form = browser.get("/record/agreement").body;
    assert!(
        form.contains("<option value=\"ash\">Ash</option>"),
        "{form}"
    );
    assert!(
        form.contains("value=\"A1\""),
        "the next id is proposed: {form}"
    );
    hold(
        "agreement",
        &[
            ("id", "A1"),
            ("title", "Peace"),
            ("party", "Ash"),
            ("party", "Elm"),
        ],
    );
    hold(
        "commitment",
        &[
            ("id", "C1"),
            ("agreement", "A1"),
            ("text", "Build a bridge"),
            ("debtor", "Ash"),
        ],
    );
    let page = browser.get("/record").body;
    assert!(page.contains("4 events to be recorded together"), "{page}");
    assert!(page.contains("Build a bridge"), "{page}");
    assert_eq!(browser.get("/commitments/C1").status, 404);
    let done = own(&page, "save");
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("/records/4#recorded"))
    );
    assert_eq!(own(&page, "save").header("location"), Some("/records/4"));
    assert_eq!(browser.get("/commitments/C1").status, 200);
    // All of one batch.
    let log = scratch_log(&browser);
    assert_eq!(log.matches("\"event\":").count(), 5, "{log}");
    // What waits and can no longer be recorded is told, and nothing of it is.
    hold(
        "party",
        &[("id", "oak"), ("kind", "state"), ("name", "Oak")],
    );
    hold("note", &[("text", "about oak")]);
    let posted = serving.starter().post_json(
        "/api/v1/events",
        &serde_json::json!({"event": "party", "id": "oak", "kind": "state", "name": "Oak"}),
    );
    assert_eq!(posted.status, 201, "{posted:?}");
    let page = browser.get("/record").body;
    assert!(page.contains("They cannot be recorded any more"), "{page}");
    assert_eq!(own(&page, "save").status, 422);
    assert_eq!(own(&page, "drop").status, 303);
    assert!(
        !browser
            .get("/record")
            .body
            .contains("to be recorded together")
    );
    assert!(!scratch_log(&browser).contains("about oak"));
}

fn scratch_log(browser: &Client) -> String {
    browser.get("/api/v1/records").body
}

#[test]
fn words_are_destroyed_after_asking_twice() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let posted = serving
        .starter()
        .post_json("/api/v1/events", &super::note("names-a-witness"));
    let record = posted.json()["receipts"][0]["record"].as_u64().unwrap();
    let path = format!("/records/{record}/redact");
    assert!(
        browser
            .get(&format!("/records/{record}"))
            .body
            .contains(&path)
    );
    let form = browser.get(&path).body;
    assert!(form.contains("names-a-witness"), "{form}");
    let typed = [
        ("reason", "names a witness"),
        ("authority", "court order 7"),
    ];
    let again = send(&browser, &path, &form, &typed);
    assert!(
        again.body.contains("Are these words to be gone for good?"),
        "{}",
        again.body
    );
    assert!(browser.get("/log").body.contains("names-a-witness"));
    let done = send(&browser, &path, &again.body, &[("step", "destroy")]);
    assert_eq!(done.status, 303, "{done:?}");
    for place in [
        "/log",
        &format!("/records/{record}"),
        "/search?q=witness",
        "/api/v1/raw",
    ] {
        let page = browser.get(place);
        assert_eq!(page.status, 200, "{place}");
        assert!(!page.body.contains("names-a-witness"), "{place}");
    }
    // What came after is recorded as ever, and a record that others rest on is not touched.
    assert_eq!(
        serving
            .starter()
            .post_json("/api/v1/events", &super::note("after"))
            .status,
        201
    );
    let form = browser.get("/records/3/redact").body;
    let refused = send(&browser, "/records/3/redact", &form, &typed);
    assert_eq!(refused.status, 422, "{refused:?}");
    serving.stop("-TERM");
    scratch.run(&["verify"]).ok();
}

#[test]
fn only_an_admin_destroys() {
    let scratch = communique();
    let token = |name: &str, role: &str| {
        let words = ["access", "add", name, "--role", role, "--format", "json"];
        let told = scratch.run(&words).ok();
        let start = told.find("servanda_").unwrap();
        told[start..]
            .split(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c))
            .next()
            .unwrap()
            .to_owned()
    };
    let (ana, ada) = (token("ana", "recorder"), token("ada", "admin"));
    let serving = Serving::start(&scratch, &[]);
    let of = |token: &str| Client::of(&serving).with_token(token);
    for path in ["/records/24/redact", "/sources/S1/document/destroy"] {
        assert_eq!(of(&ana).get(path).status, 403, "{path}");
        assert_eq!(of(&ana).post_form(path, &[]).status, 401, "{path}");
    }
    assert!(!of(&ana).get("/records/24").body.contains("/redact"));
    assert_eq!(of(&ada).get("/records/24/redact").status, 200);
}

#[test]
fn the_calendar_is_shown_and_subscribed_to() {
    let scratch = communique();
    scratch
        .run(&[
            "record",
            "correction",
            "19",
            "--field",
            "deadline",
            "--to",
            "2024-01-31",
            "--reason",
            "misread",
        ])
        .ok();
    let serving = Serving::start(&scratch, &[]);
    let page = serving.browser().get("/calendar").body;
    assert!(
        page.contains("January 2024") && page.contains("/commitments/C1"),
        "{page}"
    );
    // A calendar program sends the token as a password, and gets nothing else for it.
    let nobody = Client::of(&serving).get("/calendar.ics");
    assert_eq!(nobody.status, 401);
    assert_eq!(
        nobody.header("www-authenticate"),
        Some("Basic realm=\"servanda\"")
    );
    let password = STANDARD.encode(format!("anybody:{}", serving.token()));
    let program = Client::of(&serving).with("authorization", &format!("Basic {password}"));
    let calendar = program.get("/calendar.ics");
    assert_eq!(
        calendar.header("content-type"),
        Some("text/calendar; charset=utf-8")
    );
    assert!(calendar.body.starts_with("BEGIN:VCALENDAR"), "{calendar:?}");
    assert!(
        calendar.body.contains("DTSTART;VALUE=DATE:20240131"),
        "{calendar:?}"
    );
    assert_eq!(program.get("/api/v1/records").status, 401);
    assert_eq!(program.get("/").status, 401);
}

/// What a party signs is shown as it is, and a signature that was made elsewhere is taken by form; another is not.
#[test]
fn a_party_acknowledges_by_form_with_a_signature_of_its_own() {
    let scratch = communique();
    let key = scratch.path("colombia.key").display().to_string();
    scratch
        .run(&["key", "generate", "--name", "colombia", "--out", &key])
        .ok();
    let public = scratch.run(&["key", "show", &key]).ok();
    scratch
        .run(&["record", "party-key", "colombia", "--key", public.trim()])
        .ok();
    let elsewhere = scratch.copied();
    elsewhere
        .run(&["acknowledge", "C1", "--party", "colombia", "--key", &key])
        .ok();
    let exported = elsewhere.run(&["export"]).ok();
    let last: serde_json::Value = serde_json::from_str(exported.lines().last().unwrap()).unwrap();
    let signature = last["signature"].as_str().unwrap();
    let record = last["record"].to_string();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let path = format!("/record/acknowledgement?record={record}");
    assert!(browser.get("/commitments/C1").body.contains(&path));
    assert!(browser.get(&path).body.contains("name=\"party\""));
    let form = browser.get(&format!("{path}&party=colombia")).body;
    let message = format!("servanda acknowledgement v1\nexample.org/test\ncolombia\n{record}\n");
    assert!(form.contains(&message), "{form}");
    let post = |signature: &str, page: &str, step: &str| {
        let typed = [
            ("record", record.as_str()),
            ("party", "colombia"),
            ("signature", signature),
            ("step", step),
        ];
        send(&browser, "/record/acknowledgement", page, &typed)
    };
    let forged = post(
        &signature.replace(&signature[..4], "AAAA"),
        &form,
        "preview",
    );
    assert_eq!(forged.status, 422, "{forged:?}");
    let preview = post(signature, &form, "preview");
    assert_eq!(preview.status, 200, "{preview:?}");
    let saved = send(
        &browser,
        "/record/acknowledgement",
        &preview.body,
        &[("step", "save")],
    );
    assert_eq!(saved.status, 303, "{saved:?}");
    serving.stop("-TERM");
    scratch.run(&["verify"]).ok();
    assert_eq!(
        scratch
            .run(&["export"])
            .ok()
            .matches("acknowledgement")
            .count(),
        1
    );
}
