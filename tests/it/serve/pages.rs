//! Pages, as a browser without a script has them.

use super::client::{Client, Serving};
use super::{communique, note};
use crate::program::Scratch;

/// The values of the fields of a form that are hidden or filled in.
pub fn hidden(page: &str) -> Vec<(String, String)> {
    let value = |tag: &str, name: &str| {
        let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
        let text = rest.split('"').next()?;
        Some(
            text.replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        )
    };
    let inputs = page
        .split("<input")
        .skip(1)
        .filter(|tag| tag.starts_with(" type=\"hidden\""));
    inputs
        .filter_map(|tag| Some((value(tag, "name")?, value(tag, "value")?)))
        .collect()
}

pub fn send(
    browser: &Client,
    path: &str,
    page: &str,
    more: &[(&str, &str)],
) -> super::client::Answer {
    let hidden = hidden(page.split("<footer").next().unwrap());
    let fields = hidden
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = fields.chain(more.iter().copied()).collect();
    browser.post_form(path, &fields)
}

/// Every page that a visitor can reach by links is there, and is whole.
#[test]
fn every_link_leads_somewhere() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let (mut open, mut seen) = (vec!["/".to_owned()], std::collections::BTreeSet::new());
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) || seen.len() > 400 {
            continue;
        }
        let page = browser.get(&path);
        assert!(
            matches!(page.status, 200 | 409),
            "{path} {} {}",
            page.status,
            page.body
        );
        let is_page = page
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"));
        if path.starts_with("/api") || path == "/verify" || !is_page {
            continue;
        }
        assert!(
            page.body.contains("<h1") && page.body.ends_with("</html>"),
            "{path}"
        );
        for link in page.body.split(" href=\"").skip(1) {
            let link = link.split('"').next().unwrap().replace("&amp;", "&");
            if link.starts_with('/') && !link.starts_with("/record/") {
                open.push(link);
            }
        }
    }
    assert!(seen.len() > 100, "{seen:?}");
    for expected in [
        "/commitments/C1",
        "/parties/colombia",
        "/sources/S1",
        "/agreements/A1",
        "/records/3",
        "/reports/status",
    ] {
        assert!(seen.contains(expected), "{expected}");
    }
}

#[test]
fn the_overview_answers_in_sentences() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &["--public-read"]);
    let page = Client::of(&serving).get("/").body;
    assert!(
        page.contains("4 promises</a> in <a href=\"/agreements\">1 agreement</a>"),
        "{page}"
    );
    assert!(
        page.contains("None was kept or broken on record."),
        "{page}"
    );
    assert!(page.contains("Nothing is overdue."), "{page}");
    assert!(
        page.contains("Last heard on <time datetime=\"2023-05-11\">"),
        "{page}"
    );
    let before = Client::of(&serving).get("/?as_of=2023-01-01").body;
    assert!(before.contains("No promise is recorded yet."), "{before}");
    // What a sentence names is a link.
    let log = Client::of(&serving).get("/log").body;
    assert!(
        log.contains("in <a href=\"/agreements/A1\">A1</a> (<a href=\"/commitments/C1\">C1</a>):"),
        "{log}"
    );
    // Links keep both clocks.
    assert!(
        before.contains("href=\"/commitments?as_of=2023-01-01\""),
        "{before}"
    );
}

#[test]
fn lists_are_filtered_sorted_and_paged_by_their_address() {
    let scratch = Scratch::with_ledger();
    let lines: String = (1..=120).map(|number| format!("{{\"event\":\"party\",\"id\":\"p{number}\",\"kind\":\"{}\",\"name\":\"Party {number}\"}}\n", if number % 2 == 0 { "state" } else { "organ" })).collect();
    let file = scratch.write("parties.ndjson", lines);
    scratch.run(&["import", &file.display().to_string()]).ok();
    let serving = Serving::start(&scratch, &["--public-read"]);
    let client = Client::of(&serving);
    let ids = |path: &str| -> Vec<String> {
        let page = client.get(path);
        assert_eq!(page.status, 200, "{page:?}");
        let rows = page.body.split("<th scope=\"row\"").skip(1);
        rows.map(|row| {
            row.split("/parties/")
                .nth(1)
                .unwrap()
                .split(['"', '?'])
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
    };
    assert_eq!(ids("/parties").len(), 50);
    assert_eq!(ids("/parties?page=3").len(), 20);
    let sorted = ids("/parties?sort=-id&party_kind=state");
    assert_eq!(
        (sorted.len(), sorted[0].as_str(), sorted[49].as_str()),
        (50, "p120", "p22")
    );
    assert_eq!(
        ids("/parties?grep=party+11&sort=id"),
        [
            "p11", "p110", "p111", "p112", "p113", "p114", "p115", "p116", "p117", "p118", "p119"
        ]
    );
    let page = client.get("/parties?page=2&sort=id").body;
    assert!(
        page.contains("Rows 51 to 100")
            && page.contains("page=3")
            && page.contains("aria-sort=\"ascending\"")
    );
    assert_eq!(client.get("/parties?page=0").status, 400);
    assert_eq!(client.get("/parties?sort=size").status, 404);
}

#[test]
fn texts_of_others_stay_texts() {
    let scratch = Scratch::with_ledger();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let evil = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>\u{202e}";
    assert_eq!(client.post_json("/api/v1/events", &note(evil)).status, 201);
    let browser = serving.browser();
    let search = "/search?q=%3Cscript%3E%22%3E";
    for path in [
        "/",
        "/log",
        "/records/1",
        search,
        "/search?q=alert",
        "/parties?grep=%3Cb%3E",
        "/record/retraction?record=1",
        "/record/note?text=%3Cscript%3E",
    ] {
        let page = browser.get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(
            !super::without_own_script(&page.body).contains("<script")
                && !page.body.contains("<img")
                && !page.body.contains("<b>&lt;"),
            "{path}"
        );
    }
}

#[test]
fn a_promise_is_recorded_by_form_with_a_preview() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let form = browser.get("/record/commitment?agreement=A1").body;
    assert!(form.contains("value=\"A1\""), "{form}");
    assert!(
        form.contains("<option value=\"colombia\">Colombia</option>"),
        "{form}"
    );
    // What is wrong is told beside its field, and what was typed stays.
    let wrong = send(
        &browser,
        "/record/commitment",
        &form,
        &[
            ("id", "C9"),
            ("agreement", "A1"),
            ("text", "Build a bridge"),
            ("debtor", "nobody"),
            ("on", "someday"),
        ],
    );
    assert_eq!(wrong.status, 422, "{wrong:?}");
    assert!(
        wrong.body.contains("id=\"f-debtor-0\"") && wrong.body.contains("value=\"nobody\""),
        "{}",
        wrong.body
    );
    assert!(
        wrong.body.contains("no party is called `nobody`")
            || wrong.body.contains("no party is called"),
        "{}",
        wrong.body
    );
    assert!(wrong.body.contains("Build a bridge"), "{}", wrong.body);
    // Another line for a field.
    let more = send(
        &browser,
        "/record/commitment",
        &form,
        &[("debtor", "colombia"), ("more", "debtor")],
    );
    assert!(more.body.contains("id=\"f-debtor-1\""), "{}", more.body);
    // People write names and dates as they speak.
    let typed = [
        ("id", "C9"),
        ("agreement", "A1"),
        ("text", "Build a bridge"),
        ("debtor", "Colombia"),
        ("creditor", "venezuela"),
        ("on", "11 May 2023"),
        ("deadline", "31 January 2024"),
        ("source", "S1: paragraph 2"),
    ];
    let preview = send(&browser, "/record/commitment", &form, &typed);
    assert_eq!(preview.status, 200, "{preview:?}");
    assert!(preview.body.contains("Is this right?"), "{}", preview.body);
    assert!(
        preview
            .body
            .contains("Colombia promised Venezuela in A1 (C9): Build a bridge"),
        "{}",
        preview.body
    );
    assert!(
        preview.body.contains("11 May 2023 is 2023-05-11"),
        "{}",
        preview.body
    );
    assert_eq!(browser.get("/commitments/C9").status, 404);
    let saved = send(
        &browser,
        "/record/commitment",
        &preview.body,
        &[("step", "save")],
    );
    assert_eq!(saved.status, 303, "{saved:?}");
    let place = saved.header("location").unwrap().to_owned();
    let place = place.strip_suffix("#recorded").unwrap().to_owned();
    // The same form again leads to the same record.
    let again = send(
        &browser,
        "/record/commitment",
        &preview.body,
        &[("step", "save")],
    );
    assert_eq!(
        (again.status, again.header("location")),
        (303, Some(place.as_str()))
    );
    let dossier = browser.get("/commitments/C9").body;
    assert!(
        dossier.contains("Build a bridge") && dossier.contains("2024-01-31"),
        "{dossier}"
    );
    assert_eq!(browser.get(&place).status, 200);
}

#[test]
fn only_moves_that_are_allowed_are_offered_and_others_are_refused() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let pick = browser.get("/record/status").body;
    assert!(pick.contains("<select") && pick.contains("C1: "), "{pick}");
    let form = browser.get("/record/status?commitment=C1").body;
    let offered =
        |word: &str| form.contains(&format!("type=\"radio\" name=\"to\" value=\"{word}\""));
    assert!(offered("active") && offered("claimed") && offered("waived"));
    assert!(!offered("fulfilled") && !offered("breached"));
    assert!(form.contains("by the word of a debtor"), "{form}");
    let refused = send(
        &browser,
        "/record/status",
        &form,
        &[
            ("commitment", "C1"),
            ("to", "fulfilled"),
            ("by", "venezuela"),
        ],
    );
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("(rule standing-move)")
            && refused.body.contains("href=\"#f-irregular\""),
        "{}",
        refused.body
    );
    let preview = send(
        &browser,
        "/record/status",
        &form,
        &[
            ("commitment", "C1"),
            ("to", "claimed"),
            ("by", "colombia"),
            ("on", "2023-11-17"),
            ("debtor", "colombia"),
        ],
    );
    assert_eq!(preview.status, 200, "{preview:?}");
    assert!(preview.body.contains("What changes"), "{}", preview.body);
    let saved = send(
        &browser,
        "/record/status",
        &preview.body,
        &[("step", "save")],
    );
    assert_eq!(saved.status, 303, "{saved:?}");
    let overview = browser.get("/commitments/C1").body;
    assert!(overview.contains("claimed"), "{overview}");
}

#[test]
fn a_record_is_corrected_and_taken_back_from_its_page() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let dossier = browser.get("/commitments/C1").body;
    let link = dossier
        .split("href=\"/record/correction?record=")
        .nth(1)
        .unwrap();
    let record: u64 = link.split('"').next().unwrap().parse().unwrap();
    let fields = browser
        .get(&format!("/record/correction?record={record}"))
        .body;
    assert!(
        fields.contains("Record") && fields.contains("name=\"field\""),
        "{fields}"
    );
    let form = browser
        .get(&format!(
            "/record/correction?record={record}&field=deadline"
        ))
        .body;
    // The value as it reads now stands there, in a field like that of the record.
    assert!(
        form.contains("name=\"to\"") && form.contains("value=\"unspecified\""),
        "{form}"
    );
    let typed = [
        ("record", &*record.to_string()),
        ("field", "deadline"),
        ("to", "31 January 2024"),
        ("reason", "misread"),
    ];
    let preview = send(&browser, "/record/correction", &form, &typed);
    assert_eq!(preview.status, 200, "{preview:?}");
    assert!(
        preview
            .body
            .contains("<td>unspecified</td><td><b>2024-01-31</b></td>"),
        "{}",
        preview.body
    );
    assert_eq!(
        send(
            &browser,
            "/record/correction",
            &preview.body,
            &[("step", "save")]
        )
        .status,
        303
    );
    assert!(browser.get("/commitments/C1").body.contains("2024-01-31"));
    let form = browser.get("/record/note?about=C1").body;
    let preview = send(
        &browser,
        "/record/note",
        &form,
        &[("about", "C1"), ("text", "twice")],
    );
    let saved = send(&browser, "/record/note", &preview.body, &[("step", "save")]);
    let place = saved.header("location").unwrap();
    let place = place.strip_suffix("#recorded").unwrap().to_owned();
    let number = place.trim_start_matches("/records/");
    assert!(
        browser
            .get(&place)
            .body
            .contains(&format!("/record/retraction?record={number}"))
    );
    let form = browser
        .get(&format!("/record/retraction?record={number}"))
        .body;
    let preview = send(
        &browser,
        "/record/retraction",
        &form,
        &[("record", number), ("reason", "recorded twice")],
    );
    assert_eq!(
        send(
            &browser,
            "/record/retraction",
            &preview.body,
            &[("step", "save")]
        )
        .status,
        303
    );
    assert!(browser.get("/log").body.contains("retracted by"));
}

#[test]
fn each_kind_has_a_form_that_can_be_filled() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let browser = serving.browser();
    let kinds = browser.get("/record").body;
    let mut count = 0;
    for link in kinds.split(" href=\"/record/").skip(1) {
        let kind = link.split('"').next().unwrap();
        let page = browser.get(&format!("/record/{kind}"));
        assert_eq!(page.status, 200, "{kind}");
        // What is needed and not given is named.
        let empty = send(&browser, &format!("/record/{kind}"), &page.body, &[]);
        assert!(
            matches!((kind, empty.status), ("meeting", 200) | (_, 403 | 422)),
            "{kind} {empty:?}"
        );
        count += 1;
    }
    assert!(count > 20, "{count}");
    assert_eq!(browser.get("/record/redaction").status, 404);
    assert_eq!(browser.get("/record/ledger").status, 404);
}

/// The page that verifies is the one of the docs, under the policy that it names itself, with links to what it verifies.
#[test]
fn the_browsers_verifier_is_served() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let nobody = Client::of(&serving);
    let page = nobody.get("/verify");
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/");
    let read = |name: &str| std::fs::read_to_string(format!("{dir}{name}")).unwrap();
    let place = "<!-- A server puts links to its records here. -->";
    let docs = read("verify.html");
    let (before, after) = docs.split_once(place).unwrap();
    for (client, link) in [
        (nobody.clone(), "href=\"/login?next=/verify\""),
        (serving.browser(), "href=\"/api/v1/raw\" download"),
    ] {
        let page = client.get("/verify").body;
        let own = page.strip_prefix(before).unwrap();
        assert!(own.strip_suffix(after).unwrap().contains(link), "{own}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("worker-src blob:") && policy.ends_with("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(nobody.get("/verify.js").body, read("verify.js"));
    assert!(page.body.contains("src=\"verify.js\""));
}
