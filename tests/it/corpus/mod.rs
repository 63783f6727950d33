//! The corpus: hundreds of ledgers that were tampered with, made the same way each time, and the verdicts of servanda, of
//! `docs/verify.py` and of `docs/verify.js` on each. They must come to the same exit code. Every tampering must be refused
//! by all, or it is explained by name why it is not.

mod bytes;
mod events;
mod exports;
mod notes;
mod story;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use servanda_core::chain::record::{Head, Record, Sealed};
use servanda_core::ranges::Sequential;
use servanda_core::records::Stored;
use servanda_core::verify::{Finding, FindingKind, Outcome, Subject, Unwatched, Verdict, verify};
use servanda_log::memory::MemoryLog;

use self::story::Story;
use crate::format::{hex, root};
use crate::javascript::{self, node};
use crate::program::{self, Scratch};
use crate::tamper;

/// A store that was tampered with.
struct Store {
    records: Vec<Stored>,
    head: Head,
}

impl Store {
    /// Records in their places.
    fn of(records: impl IntoIterator<Item = Sealed>, head: Head) -> Self {
        let records = (0..).zip(records);
        Self {
            records: records
                .map(|(seq, sealed)| Stored { seq, sealed })
                .collect(),
            head,
        }
    }

    /// What a story is bound to.
    fn bound(story: &Story) -> Self {
        let (records, head) = story.bind();
        Self::of(records.iter().map(Record::seal), head)
    }

    /// As `servanda export --raw` writes it.
    fn export(&self) -> String {
        let mut text = String::new();
        for Stored { seq, sealed } in &self.records {
            let record = Record::open(sealed).ok();
            let link = record.map(|record| record.header.link().to_string());
            let line = json!({"seq": seq, "link": link, "record": hex(&sealed.0)});
            text.push_str(&format!("{line}\n"));
        }
        let Head { count, link } = self.head;
        let head = json!({"head": {"count": count, "link": link.to_string()}});
        text + &format!("{head}\n")
    }

    fn verdict(&self) -> Verdict {
        let subject = Subject {
            committed: self.head,
            records: Arc::new(self.records.clone()),
        };
        verify(&subject, &Sequential, || (), &mut Unwatched)
    }
}

/// What is to come of a tampering.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    /// Both verifiers refuse it, with the same exit code.
    Refused,
    /// It is not found, or by servanda alone: this is why.
    Explained(&'static str),
    /// One or the other: of tamperings that are made in a row.
    RefusedOr(&'static str),
}

/// Only an anchor shows it, for everything fits.
const REWRITTEN: &str = "written anew by somebody with every key";
const CUT: &str = "the tail was cut at the end of an append, with the head that fits";
const ERASED: &str = "erased under a redaction, as anybody can who can append";
/// servanda says 10; verify.py knows no rules.
const RULE: &str = "a rule is broken, and verify.py knows none";

/// A tampering.
struct Case {
    name: String,
    /// What servanda verifies; none where no store can be like that.
    store: Option<Store>,
    /// What verify.py verifies, if not the store's export.
    export: Option<String>,
    expect: Expect,
}

impl Case {
    fn of(name: impl Into<String>, store: Store, expect: Expect) -> Self {
        Self {
            name: name.into(),
            store: Some(store),
            export: None,
            expect,
        }
    }

    /// A story that was changed, bound with everybody's keys.
    fn told(name: impl Into<String>, story: &Story, expect: Expect) -> Self {
        Self::of(name, Store::bound(story), expect)
    }
}

fn all() -> Vec<Case> {
    let mut all = bytes::all();
    all.extend(events::all());
    all.extend(exports::all());
    all
}

fn code_of(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Sound => 0,
        Outcome::Broken => 10,
        Outcome::BadSignature => 11,
    }
}

/// What servanda says of a store.
struct Judged {
    /// The exit code.
    code: i64,
    /// What it would be if servanda knew no rules.
    without_rules: i64,
    verdict: Verdict,
}

impl Judged {
    fn of(store: &Store) -> Self {
        let verdict = store.verdict();
        let code = code_of(verdict.outcome());
        let mut without = verdict.clone();
        let is_rule = |finding: &Finding| finding.kind == FindingKind::Rule;
        without.findings.retain(|finding| !is_rule(finding));
        Self {
            code,
            without_rules: code_of(without.outcome()),
            verdict,
        }
    }
}

/// The verdicts of verify.py on what was written to it, in one process, while `meanwhile` runs: exit codes, and what it
/// said. `mode` says what the texts are. verify.js must have said the same.
fn in_python<T>(
    mode: &str,
    texts: &[impl AsRef<[u8]> + Sync],
    meanwhile: impl FnOnce() -> T,
) -> (Vec<(i64, String)>, T) {
    let mut command = Command::new("python3");
    command
        .args(["-S", "-B"])
        .arg(root().join("tests/it/corpus/verify.py"))
        .arg(root().join("docs/verify.py"))
        .arg(mode);
    let (python, done) = in_one_process(command, texts, meanwhile);
    if let Some(mut command) = node("tests/it/corpus/verify.js") {
        command.arg(root().join("docs/verify.js")).arg(mode);
        let (javascript, ()) = in_one_process(command, texts, || ());
        assert_eq!(python.len(), javascript.len());
        let pairs = python.iter().zip(&javascript);
        let differences: Vec<String> = pairs
            .enumerate()
            .filter_map(|(nth, (one, other))| {
                let difference = javascript::difference((one.0, &one.1), (other.0, &other.1))?;
                Some(format!("{nth}: {difference}"))
            })
            .collect();
        assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    }
    (python, done)
}

/// The verdicts of a verifier on what was written to it.
fn in_one_process<T>(
    mut command: Command,
    texts: &[impl AsRef<[u8]> + Sync],
    meanwhile: impl FnOnce() -> T,
) -> (Vec<(i64, String)>, T) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (output, done) = std::thread::scope(|scope| {
        scope.spawn(move || {
            for text in texts.iter().map(AsRef::as_ref) {
                let length = (text.len() as u64).to_le_bytes();
                stdin.write_all(&length).unwrap();
                stdin.write_all(text).unwrap();
            }
        });
        let waiting = scope.spawn(move || child.wait_with_output().unwrap());
        let done = meanwhile();
        (waiting.join().unwrap(), done)
    });
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let read = |line: &str| {
        let verdict: Value = serde_json::from_str(line).unwrap();
        let said = verdict["said"].as_array().unwrap().iter();
        let said: Vec<&str> = said.filter_map(Value::as_str).collect();
        (verdict["code"].as_i64().unwrap(), said.join("\n"))
    };
    (lines.lines().map(read).collect(), done)
}

/// What is wrong with the verdicts on a case.
fn disagreement(case: &Case, judged: Option<&Judged>, python: i64) -> Option<String> {
    let Some(judged) = judged else {
        return (python != 10).then(|| "no store is like that, so it is broken".to_owned());
    };
    let code = judged.code;
    let wrong = |why: &str| {
        let findings = &judged.verdict.findings;
        Some(format!("{why}: servanda {code}, {findings:#?}"))
    };
    if python != judged.without_rules {
        return wrong("the verifiers disagree");
    }
    let refused = code != 0 && code == python;
    match case.expect {
        Expect::Refused if !refused => wrong("both must refuse it with one code"),
        Expect::Explained(_) if refused => wrong("it is refused, and needs no explanation"),
        Expect::Explained(RULE) if code != 10 => wrong("servanda must find the rule"),
        _ => None,
    }
}

/// Some runs of the whole program, on ledgers in directories: its exit code is the verdict's, and its export the corpus's.
fn disagreement_on_disk(store: &Store) -> Option<String> {
    let scratch = Scratch::empty();
    let sealed = store.records.iter().map(|stored| stored.sealed.clone());
    let log = MemoryLog::of(sealed.collect(), store.head);
    tamper::lay(&scratch.ledger(), &log);
    let run = |words: &[&str]| {
        let mut command = scratch.servanda();
        command.args(words);
        program::run(command, b"")
    };
    let exit = run(&["verify", "--no-memory"]).code;
    let code = Judged::of(store).code;
    if exit.map(i64::from) != Some(code) {
        return Some(format!("the program ends with {exit:?}, not {code}"));
    }
    let export = run(&["export", "--raw"]);
    (export.stdout != store.export()).then(|| format!("another export: {export:?}"))
}

/// Whether a directory can be laid from a store: each record in its place.
fn can_be_laid(store: &Store) -> bool {
    let in_place = (0..).zip(&store.records).all(|(seq, one)| one.seq == seq);
    in_place && store.head.count == store.records.len() as u64
}

#[test]
fn all_verifiers_agree_on_every_tampered_ledger() {
    let honest = Store::bound(&Story::honest());
    assert_eq!(honest.verdict().findings, []);
    let cases = all();
    let mut exports = vec![honest.export()];
    exports.extend(cases.iter().map(|case| {
        let of_store = || case.store.as_ref().unwrap().export();
        case.export.clone().unwrap_or_else(of_store)
    }));
    let judge = |case: &Case| case.store.as_ref().map(Judged::of);
    let (python, judged) = in_python("exports", &exports, || {
        cases.iter().map(judge).collect::<Vec<_>>()
    });
    assert_eq!(python.len(), exports.len());
    assert_eq!(python[0].0, 0, "{}", python[0].1);
    let mut wrong = String::new();
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for (((case, judged), export), (code, said)) in cases
        .iter()
        .zip(&judged)
        .zip(&exports[1..])
        .zip(&python[1..])
    {
        if *export == exports[0] {
            wrong.push_str(&format!("\n{}: nothing was changed\n", case.name));
        }
        if let Some(why) = disagreement(case, judged.as_ref(), *code) {
            wrong.push_str(&format!(
                "\n{}: {why}\nverify.py {code}:\n{said}\n",
                case.name
            ));
        }
        *told.entry(format!("{:?} {code}", case.expect)).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{wrong}\n{told:#?}");
    assert!(cases.len() >= 300, "{}", cases.len());
    println!("{} tampered ledgers: {told:#?}", cases.len());
}

#[test]
fn the_program_says_the_same_of_tampered_directories() {
    let cases = all();
    let stores = cases
        .iter()
        .filter_map(|case| Some((case, case.store.as_ref()?)));
    let stores: Vec<_> = stores.filter(|(_, store)| can_be_laid(store)).collect();
    for (case, store) in stores.iter().step_by(stores.len() / 12) {
        if let Some(why) = disagreement_on_disk(store) {
            panic!("{}: {why}", case.name);
        }
    }
}
