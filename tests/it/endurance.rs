//! What was acknowledged stays, and what was not is there whole or not at all: a process that appends is
//! killed with `kill -9` at a random moment, again and again, on one ledger that grows. So are processes that
//! compact a ledger, and that redact a record of it: what they do is done, or not, or finished by the next.
//!
//! `SERVANDA_KILLS=2000 cargo test --test it endurance` kills more often than the default run does.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use servanda_core::chain::record::Record;
use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::Receipt;
use servanda_ledger::verify::{Unwatched, Verdict, verify};
use servanda_ledger::{Ledger, Machine};
use servanda_log::directory::{self, LedgerDir};
use servanda_log::{Log as _, Stored};

use crate::program::{SERVANDA, Scratch, contents};

/// How often to kill in all unless `SERVANDA_KILLS` says otherwise.
const KILLS: u64 = 100;

/// So many of a hundred kills are for whoever appends, compacts and redacts.
const APPENDING: u64 = 60;
const COMPACTING: u64 = 20;
const REDACTING: u64 = 20;

/// Sizes of the batches: within a run of records, over its end, and over several.
const BATCHES: [usize; 3] = [50, 70, 130];

/// A batch that the log cannot write in one go. It comes now and then, for it makes the ledger long.
const LARGE_BATCH: usize = 1100;

/// Tells a copy of this test program to append to the ledger in this directory until it is killed.
const APPEND_TO: &str = "SERVANDA_TEST_APPEND_TO";

/// What that copy begins its import keys with.
const APPEND_AS: &str = "SERVANDA_TEST_APPEND_AS";

/// splitmix64: the same moments in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(from * 1000 + self.next() % ((to - from) * 1000))
    }

    /// A moment in something that takes so long, or right after it.
    fn within(&mut self, whole: Duration) -> Duration {
        whole.mul_f64((self.next() % 1100) as f64 / 1000.0)
    }
}

/// How often to kill, of a hundred kills so many.
fn kills(of_a_hundred: u64) -> u64 {
    let all = std::env::var("SERVANDA_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    (all * of_a_hundred).div_ceil(100)
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let kills = kills(APPENDING);
    let scratch = Scratch::with_ledger();
    for size in BATCHES.into_iter().chain([LARGE_BATCH]) {
        let lines = "{\"event\":\"note\",\"text\":\"one of a batch\"}\n".repeat(size);
        scratch.write(&format!("batch-{size}"), lines);
    }
    let mut random = Random(0x5eed);
    let mut acknowledged = BTreeMap::new();
    let mut records = 1;
    // A busy machine gets more time, or every kill would come before the program's first append. The library
    // gets none: it appends so fast that the ledger would grow, and slow every round after.
    let mut patience = 1.0f64;
    for kill in 0..kills {
        // The program spends most of its time opening and closing the ledger; the library, appending.
        let (mut appender, delay) = if kill % 2 == 0 {
            let delay = random.millis(20, 240).mul_f64(patience);
            (programs(&scratch, kill), delay)
        } else {
            (library(&scratch.ledger(), kill), random.millis(10, 100))
        };
        let mut stdout = appender.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        std::thread::sleep(delay);
        kill_group(&mut appender);
        // It ends when the last process of the group is gone.
        let text = reader.join().unwrap().unwrap();
        let news = receipts(&text);
        if kill % 2 == 0 {
            patience = (patience * if news.is_empty() { 1.3 } else { 0.9 }).clamp(1.0, 4.0);
        }
        acknowledged.extend(news);

        let what = format!("after kill {kill}, {delay:?} in; it said: {text}");
        let count = check(&scratch.ledger(), &acknowledged, &what);
        assert!(count >= records, "{count} of {records} records {what}");
        records = count;
        let verdict = scratch.run(&["verify"]);
        assert_eq!(verdict.code, Some(0), "{verdict:#?} {what}");
    }
    // The same from outside, once: receipts are what a user keeps to compare with an export.
    let raw = scratch.records();
    for (seq, link) in &acknowledged {
        let part = format!("{{\"seq\":{seq},\"link\":\"{link}\",");
        assert!(raw.contains(&part), "{part}");
    }
    eprintln!(
        "{kills} kills, {records} records, {} of them acknowledged to somebody",
        acknowledged.len()
    );
    assert!(!acknowledged.is_empty(), "no kill came after an append");
}

/// The program in a loop: a note, then a batch of events.
fn programs(scratch: &Scratch, kill: u64) -> Child {
    const LOOP: &str = r#"
        n=0
        if [ $((KILL % 32)) = 8 ]; then
            "$SERVANDA" import batch-1100 --key "$KILL-0-1100" || exit
        fi
        while :; do
            for size in 50 70 130; do
                n=$((n + 1))
                "$SERVANDA" record note --text "note $n of $KILL" || exit
                "$SERVANDA" import batch-$size --key "$KILL-$n-$size" || exit
            done
        done"#;
    let mut command = Command::new("sh");
    command
        .args(["-c", LOOP])
        .current_dir(scratch.path("."))
        .env("SERVANDA", SERVANDA)
        .env("SERVANDA_LEDGER", scratch.ledger())
        .env("XDG_STATE_HOME", scratch.path("state"))
        .env("KILL", kill.to_string());
    spawn(command)
}

/// The library in a loop: [`appender`] in a process of its own.
pub fn library(ledger: &Path, kill: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["endurance::appender", "--exact", "--ignored", "--nocapture"])
        .env(APPEND_TO, ledger)
        .env(APPEND_AS, kill.to_string());
    spawn(command)
}

fn spawn(mut command: Command) -> Child {
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a process that was spawned here, and all that it started.
pub fn kill_group(child: &mut Child) {
    let kill = format!("kill -9 -{}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(status.success(), "{kill}");
    child.wait().unwrap();
}

/// The receipts in the output that were printed whole: number and link.
pub fn receipts(text: &str) -> Vec<(u64, String)> {
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let mut found = Vec::new();
    let mut seq = None;
    for line in whole.lines() {
        if let Some(rest) = line.strip_prefix("record ") {
            seq = rest.split(' ').next().map(|seq| seq.parse().unwrap());
        } else if let (Some(link), Some(seq)) = (line.strip_prefix("  link "), seq.take()) {
            found.push((seq, link.to_owned()));
        }
    }
    found
}

/// Opens the ledger, looks for every acknowledged record, and for batches of which only a part is there.
/// Gives back how many records there are.
pub fn check(dir: &Path, acknowledged: &BTreeMap<u64, String>, what: &str) -> u64 {
    let ledger = open(dir).unwrap_or_else(|error| panic!("{error} {what}"));
    let stored = ledger.log().read(0, usize::MAX).unwrap();
    for (seq, link) in acknowledged {
        let record = usize::try_from(*seq).ok().and_then(|seq| stored.get(seq));
        let found = record.map(|stored| {
            let record = Record::open(&stored.sealed).unwrap();
            record.header.link().to_string()
        });
        assert_eq!(found.as_ref(), Some(link), "record {seq} {what}");
    }
    let mut batches: HashMap<String, Vec<u64>> = HashMap::new();
    for held in ledger.state().records().flatten() {
        if let Some(key) = &held.recorded().envelope.import_key {
            let (batch, _) = key.as_str().rsplit_once(':').unwrap();
            let places = batches.entry(batch.to_owned()).or_default();
            places.push(held.entry.seq.0);
        }
    }
    for (batch, places) in batches {
        let (_, size) = batch.rsplit_once('-').unwrap();
        assert_eq!(places.len().to_string(), size, "batch {batch} {what}");
        let in_a_row = places.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        assert!(in_a_row, "batch {batch} at {places:?} {what}");
    }
    ledger.head().count
}

fn open(dir: &Path) -> Result<Ledger<LedgerDir>, String> {
    let opened = directory::open(dir, Duration::from_secs(20), "a test");
    let opened = opened.map_err(|error| error.to_string())?;
    // Often, so that kills meet it.
    Ok(Ledger::open(opened, Machine)
        .map_err(|error| error.to_string())?
        .snapshot_every(512))
}

fn note(key: Option<String>) -> Event {
    let mut fields = Fields::default();
    fields.set("text", vec!["one of the library's".to_owned()]);
    fields.set("import_key", key.into_iter().collect());
    Event::build(Kind::Noted, &fields).unwrap()
}

#[test]
#[ignore = "no test, but what another test runs in a process of its own and kills"]
fn appender() {
    let Some(dir) = std::env::var_os(APPEND_TO) else {
        return;
    };
    let name = std::env::var(APPEND_AS).unwrap();
    // The harness has not ended its own line.
    println!();
    for round in 0.. {
        let mut ledger = open(Path::new(&dir)).unwrap();
        for n in 0..8 {
            let size = BATCHES[n % BATCHES.len()];
            acknowledge(&ledger.append(vec![note(None)]).unwrap());
            let key = |line: usize| format!("{name}-{round}.{n}-{size}:{line}");
            let batch = (1..=size).map(|line| note(Some(key(line)))).collect();
            acknowledge(&ledger.append(batch).unwrap());
        }
    }
}

/// Prints receipts as the program does.
fn acknowledge(receipts: &[Receipt]) {
    let mut out = std::io::stdout().lock();
    for receipt in receipts {
        writeln!(out, "record {}  note\n  link {}", receipt.seq, receipt.link).unwrap();
    }
    out.flush().unwrap();
}

/// Runs the program on a ledger and kills it: at any moment of the time that it takes, or a moment after the copy of the
/// records is begun, or after the old ones are put aside. Gives when and what that left.
fn killed(scratch: &Scratch, words: &[&str], whole: Duration, random: &mut Random) -> String {
    let mut command = scratch.servanda();
    command.args(words);
    let began = Instant::now();
    let mut child = spawn(command);
    match random.next() % 3 {
        0 => std::thread::sleep(random.within(whole)),
        one => {
            let awaited = ["records.new", "records.old"][usize::from(one == 2)];
            let awaited = scratch.ledger().join(awaited);
            while !awaited.exists() && began.elapsed() < whole * 3 {
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(random.within(whole / 20));
        }
    }
    let after = began.elapsed();
    kill_group(&mut child);
    format!(
        "killed after {after:?}, which left {}",
        names_of_records(scratch)
    )
}

/// How long the program takes, where nobody kills it.
fn time_of(scratch: &Scratch, words: &[&str]) -> Duration {
    let began = Instant::now();
    scratch.run(words).ok();
    began.elapsed()
}

/// What of a ledger's records is there under which name, as whoever was killed left it.
fn names_of_records(scratch: &Scratch) -> String {
    let entries = std::fs::read_dir(scratch.ledger()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("records")).collect();
    names.sort();
    names.join(" and ")
}

/// All records of a ledger, which must be sound, and what `verify` says of it.
fn sound(scratch: &Scratch, what: &str) -> (Vec<Stored>, Verdict) {
    let ledger = open(&scratch.ledger()).unwrap_or_else(|error| panic!("{error} {what}"));
    let verdict = verify(ledger.log(), &mut Unwatched).unwrap();
    assert!(verdict.is_sound(), "{:#?} {what}", verdict.findings);
    let stored = ledger.log().read(0, usize::MAX).unwrap();
    assert_eq!(verdict.acknowledged.count, stored.len() as u64, "{what}");
    (stored, verdict)
}

/// How often something was found.
#[derive(Default)]
struct Seen(BTreeMap<String, u64>);

impl Seen {
    fn note(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }
}

#[test]
fn compacting_survives_kill_9() {
    let scratch = Scratch::with_ledger();
    let lines = "{\"event\":\"note\",\"text\":\"one of a batch\"}\n".repeat(LARGE_BATCH);
    scratch.run_on(&["import", "-"], lines).ok();
    let whole = time_of(&scratch, &["compact"]);
    let mut random = Random(0xc0de);
    let mut seen = Seen::default();
    for kill in 0..kills(COMPACTING) {
        scratch.run(&["record", "note", "--text", "one alone"]).ok();
        let (before, _) = sound(&scratch, "before");
        let what = killed(&scratch, &["compact"], whole, &mut random);
        seen.note(names_of_records(&scratch));
        let (after, _) = sound(&scratch, &what);
        assert!(before == after, "the records changed {what}");
        if kill % 3 == 0 {
            scratch.run(&["compact"]).ok();
            assert_eq!(names_of_records(&scratch), "records", "{what}");
            assert!(
                before == sound(&scratch, &what).0,
                "the records changed {what}"
            );
        }
    }
    eprintln!(
        "killed while compacting, {whole:?} if it is not: {:?}",
        seen.0
    );
    assert!(
        seen.0.len() > 1,
        "every kill came before or after: {:?}",
        seen.0
    );
}

/// Before the redaction is on record nothing was done; then the payload is still there, and that is told, or it is
/// gone; and the next redaction leaves nothing of it anywhere.
#[test]
fn redacting_survives_kill_9() {
    let scratch = Scratch::with_ledger();
    let mut random = Random(0x4ed);
    let mut seen = Seen::default();
    let mut whole = Duration::ZERO;
    for kill in 0..=kills(REDACTING) {
        let word = format!("{:016x}", random.next());
        let lines = "{\"event\":\"note\",\"text\":\"one of a batch\"}\n".repeat(BATCHES[0]);
        scratch.run_on(&["import", "-"], lines).ok();
        scratch.run(&["record", "note", "--text", &word]).ok();
        assert!(
            holds(&scratch, &word),
            "the word is looked for as it lies there"
        );
        let (before, _) = sound(&scratch, "before");
        let target = before.len() - 1;
        let redact = [
            "redact",
            &target.to_string(),
            "--reason",
            "r",
            "--authority",
            "a",
        ];
        if kill == 0 {
            whole = time_of(&scratch, &redact);
            continue;
        }
        let what = killed(&scratch, &redact, whole, &mut random);
        let names = names_of_records(&scratch);
        let (after, verdict) = sound(&scratch, &what);
        let recorded = after.len() > before.len();
        assert!(after.len() <= before.len() + 1, "{what}");
        let is_gone = is_bodiless(&after[target]);
        let told = verdict.unfinished_erasures > 0;
        assert_eq!(told, recorded && !is_gone, "{:?} {what}", verdict.remarks);
        assert!(
            recorded || !is_gone,
            "it was destroyed without a redaction {what}"
        );
        assert!(
            before[..target] == after[..target],
            "other records changed {what}"
        );
        seen.note(format!(
            "{}, {}",
            if is_gone {
                "gone"
            } else if recorded {
                "on record"
            } else {
                "not on record"
            },
            names
        ));
        if recorded {
            scratch.run(&["redact", "--finish"]).ok();
        } else {
            scratch.run(&redact).ok();
        }
        assert!(is_bodiless(&sound(&scratch, &what).0[target]), "{what}");
        assert!(!holds(&scratch, &word), "the word is still there {what}");
        assert_eq!(names_of_records(&scratch), "records", "{what}");
    }
    eprintln!(
        "killed while redacting, {whole:?} if it is not: {:?}",
        seen.0
    );
    assert!(
        seen.0.len() > 1,
        "every kill came before or after: {:?}",
        seen.0
    );
}

fn is_bodiless(stored: &Stored) -> bool {
    Record::open(&stored.sealed).unwrap().body.is_none()
}

/// Whether a word lies in any file of a ledger as it is written. Short runs are not compressed, nor are frames.
fn holds(scratch: &Scratch, word: &str) -> bool {
    let files = contents(&scratch.ledger());
    let holds = |bytes: &[u8]| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    files.iter().any(|(_, bytes)| holds(bytes))
}

/// A ledger that is made is there, or its making is said to be broken off; nothing looks like one and is none.
#[test]
fn init_survives_kill_9() {
    let mut random = Random(0xfade);
    for _ in 0..20 {
        let scratch = Scratch::empty();
        let mut command = scratch.servanda();
        command.args(["init", "--origin", "example.org/test"]);
        let mut child = spawn(command);
        std::thread::sleep(random.millis(0, 120));
        kill_group(&mut child);
        let log = scratch.run(&["log"]);
        let again = scratch.run(&["init", "--origin", "example.org/test"]);
        match log.code {
            Some(0) => {
                again.fails(1, &["is a ledger already"]);
                scratch.run(&["verify"]).ok();
                scratch.run(&["record", "note", "--text", "first"]).ok();
            }
            _ if log.stderr.contains("holds no record") => {
                log.fails(20, &["interrupted", "servanda init"]);
                again.ok();
            }
            _ if log.stderr.contains("never finished") => {
                log.fails(20, &["nothing was ever recorded", "servanda init"]);
                again.ok();
            }
            _ => {
                let not_begun = log.stderr.contains("does not exist");
                assert!(
                    not_begun || log.stderr.contains("is not a ledger"),
                    "{log:#?}"
                );
                log.fails(20, &["init"]);
                again.ok();
            }
        }
    }
}

/// A ledger whose making was broken off between its marker and its first record.
#[test]
fn a_ledger_without_its_first_record_can_be_made_again() {
    let scratch = Scratch::empty();
    drop(directory::create(&scratch.ledger(), "a test").unwrap());
    let commands: [&[&str]; 5] = [
        &["log"],
        &["verify"],
        &["export"],
        &["export", "--raw"],
        &["record", "note", "--text", "x"],
    ];
    for words in commands {
        let outcome = scratch.run(words);
        outcome.fails(20, &["holds no record", "servanda init"]);
    }
    let init = ["init", "--origin", "example.org/test"];
    scratch.run(&[&init[..], &["--dry-run"]].concat()).ok();
    scratch.run(&["log"]).fails(20, &["holds no record"]);
    scratch.run(&init).ok();
    scratch.run(&["verify"]).ok();
    scratch.run(&init).fails(1, &["is a ledger already"]);
}
