//! Who gets what: the table in docs/threats.md, a test for each row.

use serde_json::json;

use super::client::{Client, Serving};
use super::{communique, note};
use crate::program::Scratch;

/// A request of each sort: a page, an answer of the API, what an auditor takes, a form, an event.
fn statuses(client: &Client) -> [u16; 5] {
    [
        client.get("/commitments").status,
        client.get("/api/v1/commitments").status,
        client.get("/api/v1/raw").status,
        client.get("/record").status,
        client
            .post_json("/api/v1/events", &note("by somebody"))
            .status,
    ]
}

/// Gives somebody a token.
fn token(scratch: &Scratch, name: &str, role: &str) -> String {
    let given = scratch.run(&["access", "add", name, "--role", role]);
    given.ok().trim().to_owned()
}

#[test]
fn nothing_is_shown_without_a_token() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let nobody = Client::of(&serving);
    assert_eq!(statuses(&nobody), [303, 401, 401, 303, 401]);
    // A page leads to the form, and from there back.
    let page = nobody.get("/log?kind=note");
    assert_eq!(
        page.header("location"),
        Some("/login?next=%2Flog%3Fkind%3Dnote")
    );
    let form = nobody.get("/login?next=%2Flog%3Fkind%3Dnote");
    assert!(
        form.body.contains("value=\"/log?kind=note\""),
        "{}",
        form.body
    );
    // Neither the form nor an error tells anything of the ledger.
    for page in [
        &form,
        &nobody.get("/nothing"),
        &nobody.get("/api/v1/openapi.json"),
    ] {
        assert!(!page.body.contains("example.org/test"), "{page:?}");
    }
}

#[test]
fn a_role_may_what_it_is_for() {
    let scratch = communique();
    let tokens = ["reader", "auditor", "recorder", "admin"].map(|role| token(&scratch, role, role));
    let serving = Serving::start(&scratch, &[]);
    let found = tokens.map(|token| statuses(&Client::of(&serving).with_token(&token)));
    assert_eq!(found[0], [200, 200, 403, 403, 403]);
    assert_eq!(found[1], [200, 200, 200, 403, 403]);
    assert_eq!(found[2], [200, 200, 200, 200, 201]);
    assert_eq!(found[3], [200, 200, 200, 200, 201]);
}

#[test]
fn a_wrong_token_and_one_that_was_taken_back_are_good_for_nothing() {
    let scratch = communique();
    let good = token(&scratch, "ana", "reader");
    let serving = Serving::start(&scratch, &["--public-read"]);
    let ana = Client::of(&serving).with_token(&good);
    let browser = Client::of(&serving).with_cookie_of(
        &Client::of(&serving).post_form("/login", &[("token", &good), ("next", "/log")]),
    );
    assert_eq!(ana.get("/api/v1/records").status, 200);
    assert!(browser.get("/log").body.contains("You are <b>ana</b>"));
    scratch.run(&["access", "remove", "ana"]).ok();
    // A session ends with the token that began it, also where the server goes on.
    assert_eq!(ana.get("/api/v1/records").status, 401);
    assert!(!browser.get("/log").body.contains("You are"));
    for wrong in [
        "servanda_wrong",
        "",
        &good[..good.len() - 1],
        &format!("{good}x"),
    ] {
        let answer = Client::of(&serving)
            .with_token(wrong)
            .get("/api/v1/records");
        assert_eq!(answer.status, 401, "{wrong}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"servanda\"")
        );
    }
}

#[test]
fn those_who_try_tokens_are_slowed() {
    let scratch = communique();
    let good = token(&scratch, "ana", "reader");
    let serving = Serving::start(&scratch, &[]);
    let nobody = Client::of(&serving);
    let tried: Vec<u16> = (0..12)
        .map(|number| {
            nobody
                .post_form("/login", &[("token", &format!("servanda_{number}"))])
                .status
        })
        .collect();
    assert_eq!(tried, [vec![401; 10], vec![429; 2]].concat());
    let late = nobody.with_token(&good).get("/api/v1/records");
    assert_eq!(late.status, 429);
    assert!(late.header("retry-after").is_some());
}

#[test]
fn a_recorder_records_in_no_other_name() {
    let scratch = communique();
    let given = scratch
        .run(&[
            "access",
            "add",
            "ana",
            "--role",
            "recorder",
            "--as",
            "Ana Pérez",
        ])
        .ok();
    let admin = token(&scratch, "root", "admin");
    let serving = Serving::start(&scratch, &[]);
    let ana = Client::of(&serving).with_token(given.trim());
    let own = ana.post_json("/api/v1/events", &note("my own"));
    assert_eq!(own.status, 201, "{own:?}");
    let record = own.json()["receipts"][0]["record"].as_u64().unwrap();
    let said = ana.get(&format!("/api/v1/records/{record}")).json();
    assert_eq!(said["recorded_by"], "Ana Pérez");
    for events in [
        json!({"event": "note", "text": "x", "recorded_by": "Bo"}),
        json!([note("x"), {"event": "note", "text": "x", "recorded_by": "Bo", "seq": 3}]),
    ] {
        let refused = ana.post_json("/api/v1/events", &events);
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(
            refused.body.contains("you record as Ana Pérez"),
            "{refused:?}"
        );
    }
    let admin = Client::of(&serving).with_token(&admin);
    assert_eq!(
        admin
            .post_json(
                "/api/v1/events",
                &json!({"event": "note", "text": "x", "recorded_by": "Bo"})
            )
            .status,
        201
    );
}

#[test]
fn a_form_from_another_site_is_refused() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let form = browser.get("/record/note");
    let csrf = form
        .body
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let fields = |csrf| [("csrf", csrf), ("text", "from a form"), ("step", "save")];
    let before = scratch_count(&serving);
    // Without what the page carries, with something else, or from the page of another site.
    assert_eq!(browser.post_form("/record/note", &fields("")).status, 403);
    assert_eq!(
        browser.post_form("/record/note", &fields("other")).status,
        403
    );
    let elsewhere = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (name, value) in elsewhere {
        let answer = browser
            .with(name, value)
            .post_form("/record/note", &fields(csrf));
        assert_eq!(answer.status, 403, "{name}: {value}");
        let login = Client::of(&serving)
            .with(name, value)
            .post_form("/login", &[("token", serving.token())]);
        assert_eq!(login.status, 403, "{name}: {value}");
    }
    // A cookie alone records nothing through the API.
    assert_eq!(
        browser
            .post_json("/api/v1/events", &note("by cookie"))
            .status,
        401
    );
    assert_eq!(scratch_count(&serving), before);
    let own = format!("http://{}", serving.address());
    let saved = browser
        .with("origin", &own)
        .with("sec-fetch-site", "same-origin")
        .post_form("/record/note", &fields(csrf));
    assert_eq!(saved.status, 303, "{saved:?}");
    assert_eq!(scratch_count(&serving), before + 1);
}

fn scratch_count(serving: &Serving) -> u64 {
    let head = serving.starter().get("/api/v1/records?limit=1").json();
    head["head"]["count"].as_u64().unwrap()
}

#[test]
fn a_page_that_gives_itself_the_name_of_this_machine_is_refused() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &["--public-read", "--host", "ledger.example.org"]);
    let as_host = |host: &str| Client::of(&serving).with("host", host).get("/").status;
    assert_eq!(as_host("evil.example"), 421);
    assert_eq!(as_host("evil.example:8377"), 421);
    assert_eq!(as_host("192.0.2.1"), 421);
    for own in [
        "localhost",
        "localhost:8377",
        "127.0.0.1",
        "[::1]:8377",
        "ledger.example.org",
        "Ledger.Example.org:443",
    ] {
        assert_eq!(as_host(own), 200, "{own}");
    }
}

#[test]
fn the_link_of_the_start_works_once_and_not_where_somebody_has_a_token() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let link = format!("/enter?token={}", serving.token());
    let nobody = Client::of(&serving);
    let entered = nobody.get(&link);
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/"))
    );
    assert_eq!(nobody.get(&link).status, 403);
    assert_eq!(nobody.get("/enter?token=servanda_other").status, 401);
    drop(serving);
    token(&scratch, "ana", "reader");
    // There is no such line then: the helper would fail to read one.
    let serving = Serving::start(&scratch, &[]);
    let (_, said) = serving.stop("-INT");
    assert!(!said.contains("the link works once"), "{said}");
}

#[test]
fn logging_out_ends_the_session() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let page = browser.get("/");
    let csrf = page
        .body
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert_eq!(
        browser.post_form("/logout", &[("csrf", "other")]).status,
        303
    );
    assert_eq!(browser.get("/").status, 200);
    let left = browser.post_form("/logout", &[("csrf", csrf)]);
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(browser.get("/").status, 303);
    // The form leads to pages of this server only.
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
    ] {
        let answer =
            Client::of(&serving).post_form("/login", &[("token", serving.token()), ("next", next)]);
        assert_eq!(answer.header("location"), Some("/"), "{next}");
    }
}

#[test]
fn a_server_that_only_shows_takes_nothing() {
    let scratch = communique();
    let admin = token(&scratch, "root", "admin");
    let serving = Serving::start(&scratch, &["--read-only", "--public-read"]);
    assert_eq!(statuses(&Client::of(&serving)), [200, 200, 200, 303, 401]);
    let root = Client::of(&serving).with_token(&admin);
    assert_eq!(statuses(&root), [200, 200, 200, 403, 403]);
    for page in ["/", "/commitments/C1", "/records/3"] {
        assert!(!root.get(page).body.contains("/record/"), "{page}");
    }
}

#[test]
fn every_page_forbids_what_it_does_not_need() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &["--public-read"]);
    let client = serving.starter();
    for path in [
        "/",
        "/log",
        "/commitments/C1",
        "/record/commitment",
        "/login",
        "/nothing",
        "/api/v1/records",
        "/api/v1/nothing",
        "/style.css",
    ] {
        let answer = client.get(path);
        let policy = answer
            .header("content-security-policy")
            .unwrap_or_else(|| panic!("{path}"));
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{path} {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path} {policy}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert!(
            !super::without_own_script(&answer.body).contains("<script")
                && !answer.body.contains(" style=")
                && !answer.body.contains(" onclick="),
            "{path}"
        );
    }
    // A report is one file with its style in it, and nothing that runs.
    let report = client.get("/api/v1/reports/all?format=html");
    let policy = report.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("script-src"),
        "{policy}"
    );
}

#[test]
fn a_name_in_a_header_is_taken_from_the_proxy_alone() {
    let scratch = communique();
    for (name, role) in [("ana", "recorder"), ("ben", "reader")] {
        token(&scratch, name, role);
    }
    let trusting = ["--trust-header", "X-Forwarded-User", "--proxy"];
    let serving = Serving::start(&scratch, &[&trusting[..], &["127.0.0.1"]].concat());
    let nobody = Client::of(&serving);
    let (ana, ben) = (
        nobody.with("x-forwarded-user", "ana"),
        nobody.with("x-forwarded-user", "ben"),
    );
    assert_eq!(statuses(&nobody), [303, 401, 401, 303, 401]);
    assert_eq!(statuses(&ben), [200, 200, 403, 403, 401]);
    // A browser behind the proxy sends what it is told on other sites, so that the API takes a token for what it records.
    assert_eq!(statuses(&ana), [200, 200, 200, 200, 401]);
    let form = ana.get("/record/note");
    let csrf = form.body.split_once("name=\"csrf\" value=\"").unwrap().1;
    let csrf = csrf.split('"').next().unwrap();
    let fields = [("text", "by form"), ("csrf", csrf), ("then", "save")];
    assert_ne!(ana.post_form("/record/note", &fields).status, 403);
    assert_eq!(ben.post_form("/record/note", &fields).status, 403);
    for wrong in [
        nobody.with("x-forwarded-user", "nobody"),
        ana.with("x-forwarded-user", "ben"),
    ] {
        assert_eq!(wrong.get("/commitments").status, 403);
    }
    assert_eq!(
        nobody
            .with("x-forwarded-user", "")
            .get("/commitments")
            .status,
        303
    );
    drop(serving);

    // The proxy is elsewhere: a client that sends the header is none.
    let serving = Serving::start(&scratch, &[&trusting[..], &["192.0.2.1"]].concat());
    let forged = Client::of(&serving).with("x-forwarded-user", "ana");
    assert_eq!(statuses(&forged), [403; 5]);
    drop(serving);
    let serving = Serving::start(&scratch, &[]);
    let ignored = Client::of(&serving).with("x-forwarded-user", "ana");
    assert_eq!(statuses(&ignored), [303, 401, 401, 303, 401]);
    for wrong in [
        &["serve", "--trust-header", "x-user"][..],
        &["serve", "--proxy", "127.0.0.1"],
        &["serve", "--trust-header", "cookie", "--proxy", "127.0.0.1"],
    ] {
        assert_eq!(scratch.run(wrong).code, Some(2), "{wrong:?}");
    }
}
