//! Power cuts: on the simulated file of a journal (`servanda_log::journal::power`), and on a disk that is made of every
//! call that a process made to change its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use servanda_core::testing::Choices;

use super::broken::{Broken, Fault, hold};
use super::deeds::{Deed, receipts};
use super::disk::{Call, Disk};
use super::files::Files;
use super::kills::{appending_library, check};
use super::look;
use crate::program::{Outcome, Scratch, run};
use crate::syscalls;

/// The calls that change files or names, and those that say where the next write goes.
const CALLS: &str = "openat,lseek,write,pwrite64,writev,fsync,fdatasync,rename,renameat,unlink,unlinkat,mkdir,rmdir,\
                     ftruncate,copy_file_range,sendfile,fallocate";

/// A process whose calls are known.
pub struct Traced {
    what: &'static str,
    /// The command; none for the library that appends.
    deed: Option<Deed>,
    template: Files,
    state: Files,
    calls: Vec<Call>,
}

/// The processes during which the power is cut; none without `strace`.
pub fn templates() -> Vec<Traced> {
    if !syscalls::is_there() {
        eprintln!("no power is cut under whole ledgers: strace is not installed");
        return Vec::new();
    }
    let mut all: Vec<Traced> = Deed::all()
        .into_iter()
        .map(|deed| traced(deed.words[0], deed))
        .collect();
    all.push(traced("import into several segments", Deed::import_long()));
    all.push(traced("compact several segments", Deed::compact_long()));
    all.extend([0, 1].map(appends));
    all
}

/// The options of `strace` with which it writes every byte into this file.
fn options(log: &Path) -> Vec<String> {
    let options = [
        "-o",
        log.to_str().unwrap(),
        "-y",
        "-xx",
        "-s",
        "100000000",
        "-e",
    ];
    let mut options: Vec<String> = options.map(str::to_owned).to_vec();
    options.push(format!("trace={CALLS}"));
    options
}

fn traced(what: &'static str, deed: Deed) -> Traced {
    let (scratch, place) = (deed.template.copied(), tempfile::tempdir().unwrap());
    let log = place.path().join("log");
    let options = options(&log);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    run(
        syscalls::traced(&scratch, &deed.words, &options),
        deed.input.as_bytes(),
    );
    Traced {
        what,
        template: Files::of(&deed.template.path(".")),
        state: Files::of(deed.template.state()),
        calls: read(&log, &scratch.path("")),
        deed: Some(deed),
    }
}

/// The library, which appends for a while to a ledger that has some records or many.
fn appends(kind: u64) -> Traced {
    let scratch = Scratch::with_ledger();
    if kind == 1 {
        for _ in 0..70 {
            look::append(&scratch.ledger()).unwrap();
        }
    }
    let template = Files::of(&scratch.path("."));
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("log");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options(&log));
    let library = appending_library(&scratch.ledger(), kind, 3);
    command.arg(library.get_program()).args(library.get_args());
    command.envs(
        library
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    assert_eq!(run(command, b"").code, Some(0));
    Traced {
        what: "appends by the library",
        deed: None,
        template,
        state: Files::default(),
        calls: read(&log, &scratch.path("")),
    }
}

/// Cuts the power at a call of one of these processes.
pub fn cut(all: &[Traced], random: &mut Choices) -> Result<&'static str, Broken> {
    let traced = random.pick(all).unwrap();
    let mut disk = Disk::of(&traced.template);
    disk.orderly = random.one_in(2);
    let end = random.below(traced.calls.len() + 1);
    traced.calls[..end].iter().for_each(|call| disk.take(call));
    let said = disk.said.clone();
    let how = format!(
        "{}, power cut after call {end} of {}",
        traced.what,
        traced.calls.len()
    );
    let left = disk.survivors(random);
    let scratch = Scratch::filled(&left, &traced.state);
    let outcome = match &traced.deed {
        Some(deed) => {
            let outcome = Outcome {
                code: None,
                stdout: said.clone(),
                stderr: String::new(),
            };
            deed.settle(&scratch, &outcome)
        }
        None => goes_on(&scratch, &receipts(&said)),
    };
    outcome.map(|()| traced.what).map_err(|broken| Broken {
        left: Some(Box::new(left)),
        ..broken.after(&format!("{how}; it said: {said}"))
    })
}

fn goes_on(scratch: &Scratch, acknowledged: &BTreeMap<u64, String>) -> Result<(), Broken> {
    let count = check(&scratch.ledger(), acknowledged)?;
    look::append(&scratch.ledger()).map_err(|why| Broken::new(Fault::Stuck, why))?;
    let again = look::sound(&scratch.ledger())?.records.len() as u64;
    hold(again == count + 1, Fault::Lost, || {
        format!("{again} records after an append to {count}")
    })
}

/// Reads what `strace` wrote: every call that changed something below this directory, in order.
fn read(log: &Path, dir: &Path) -> Vec<Call> {
    let mut reading = Reading {
        dir: dir.canonicalize().unwrap(),
        places: BTreeMap::new(),
        calls: Vec::new(),
    };
    let mut unfinished: BTreeMap<String, String> = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begin) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread.to_owned(), begin.to_owned());
        } else if let Some((_, end)) = rest.split_once(" resumed>") {
            let begin = unfinished.remove(thread).unwrap_or_default();
            reading.line(&format!("{begin}{end}"));
        } else {
            reading.line(rest);
        }
    }
    assert!(reading.calls.len() > 5, "{:?}", reading.calls);
    reading.calls
}

struct Reading {
    dir: PathBuf,
    /// The place of the next write of each descriptor.
    places: BTreeMap<String, usize>,
    calls: Vec<Call>,
}

impl Reading {
    /// A path below the directory, from there on; relative ones are relative to a directory if one is named.
    fn path(&self, text: &[u8], relative_to: Option<&Vec<u8>>) -> Option<PathBuf> {
        let path = |text: &[u8]| PathBuf::from(String::from_utf8_lossy(text).into_owned());
        let base = relative_to.map_or_else(|| self.dir.clone(), |base| path(base));
        let path = base.join(path(text));
        path.strip_prefix(&self.dir).ok().map(Path::to_owned)
    }

    fn line(&mut self, line: &str) {
        let Some((name, rest)) = line.split_once('(') else {
            return;
        };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else {
            return;
        };
        let result = result.split(['<', ' ']).next().unwrap();
        // Errors, and the descriptors of calls that failed.
        let Ok(result) = result.parse::<usize>() else {
            return;
        };
        let strings: Vec<Vec<u8>> = arguments.split('"').skip(1).step_by(2).map(bytes).collect();
        let numbers: Vec<&str> = arguments
            .trim_end()
            .trim_end_matches(')')
            .rsplit(", ")
            .collect();
        let descriptor = arguments.split('<').next().unwrap();
        let opened = arguments.split('<').skip(1);
        let opened = opened.map(|rest| rest.split('>').next().unwrap());
        let opened: Vec<Vec<u8>> = opened
            .map(|path| match path.contains("(deleted)") {
                true => b"/deleted".to_vec(),
                false => bytes(path),
            })
            .collect();
        let is_written = name.contains("write");
        let named = strings.iter().zip(0..).filter(|_| !is_written);
        let named: Vec<_> = named
            .map(|(path, at)| self.path(path, opened.get(at)))
            .collect();
        let own = opened.first().and_then(|path| self.path(path, None));
        match name {
            "openat" => {
                self.places.insert(result.to_string(), 0);
                let empties = arguments.contains("O_TRUNC");
                let is_changed = empties || arguments.contains("O_CREAT");
                let path = named[0].clone().filter(|_| is_changed);
                self.calls
                    .extend(path.map(|path| Call::Open(path, empties)));
            }
            "lseek" => drop(self.places.insert(descriptor.to_owned(), result)),
            "write" if descriptor == "1" => {
                let text = String::from_utf8_lossy(&strings[0]).into_owned();
                self.calls.push(Call::Say(text));
            }
            "write" => {
                let place = self.places.entry(descriptor.to_owned()).or_default();
                let at = *place;
                *place += result;
                let written = strings[0][..result].to_vec();
                self.calls
                    .extend(own.map(|path| Call::Write(path, at, written)));
            }
            "pwrite64" => {
                let at = numbers[0].parse().unwrap();
                let written = strings[0][..result].to_vec();
                self.calls
                    .extend(own.map(|path| Call::Write(path, at, written)));
            }
            "ftruncate" => {
                let length = numbers[0].parse().unwrap();
                self.calls
                    .extend(own.map(|path| Call::Truncate(path, length)));
            }
            "fsync" | "fdatasync" => self.calls.extend(own.map(Call::Sync)),
            "mkdir" => self.calls.extend(named[0].clone().map(Call::MakeDir)),
            "unlink" | "unlinkat" | "rmdir" => {
                self.calls.extend(named[0].clone().map(Call::Remove))
            }
            "rename" | "renameat" => {
                if let [Some(from), Some(to)] = &named[..] {
                    self.calls.push(Call::Rename(from.clone(), to.clone()));
                }
            }
            "copy_file_range"
                if opened[1..]
                    .iter()
                    .all(|path| self.path(path, None).is_none()) => {}
            other => assert!(
                own.is_none(),
                "{other} changes files, and is not known here"
            ),
        }
    }
}

/// Bytes in hexadecimal, each after `\x`.
fn bytes(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

/// Without the syncs of a process, power cuts lose what it acknowledged; and that is found.
#[test]
fn a_process_that_does_not_sync_is_found() {
    if !syscalls::is_there() {
        return;
    }
    let mut traced = traced("record", Deed::record());
    let random = &mut Choices(1);
    for _ in 0..20 {
        cut(std::slice::from_ref(&traced), random).unwrap();
    }
    traced.calls.retain(|call| !matches!(call, Call::Sync(_)));
    let faults = (0..60).filter_map(|_| cut(std::slice::from_ref(&traced), random).err());
    let lost = faults.filter(|broken| broken.fault == Fault::Lost).count();
    assert!(lost > 2, "{lost}");
}
