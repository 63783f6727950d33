//! What a shell completes: ids with their names, records and fields, asked of the ledger. It is quick, waits for nobody,
//! and is silent whatever fails.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::Arg;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use super::defaults;
use crate::desk::names::{Names, brief};
use crate::desk::reading::entity_kind;
use servanda_core::event::{FieldSpec, Kind};
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::Leaf;
use servanda_core::value::id::{FieldName, Seq, Subject};
use servanda_core::value::source::Citation;
use servanda_core::value::unicode::folded;
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Location, Registry};

/// Most candidates that are shown with their names.
const NAMED: usize = 200;

/// Most records that are offered.
const RECORDS: u64 = 50;

/// The name of this process for others that wait for the ledger.
const HOLDER: &str = "servanda, for a shell that completes";

/// What an argument takes.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// An entity, of a kind where that is known.
    Entity(Option<EntityKind>),
    /// A record, or an entity.
    Record,
    /// A field of the record that is corrected.
    Field,
}

impl Takes {
    /// What a field takes; none where the ledger knows nothing of it.
    pub fn of(field: &FieldSpec) -> Option<Self> {
        if let Some(kind) = entity_kind(field) {
            return Some(Self::Entity(Some(kind)));
        }
        let label = field.label;
        match label {
            _ if label == Citation::LABEL => Some(Self::Entity(Some(EntityKind::Source))),
            _ if label == Subject::LABEL || label == Seq::LABEL => Some(Self::Record),
            _ if label == FieldName::LABEL => Some(Self::Field),
            _ => None,
        }
    }

    /// An argument that is completed so.
    pub fn complete(self, arg: Arg) -> Arg {
        arg.add(ArgValueCompleter::new(move |current: &OsStr| {
            let typed = current.to_string_lossy();
            candidates(self, &typed).unwrap_or_default()
        }))
    }
}

/// Answers a shell that asks for completions; false if this is a run of a command.
pub fn answer(command_line: fn() -> clap::Command) -> bool {
    let asked = std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty());
    if !asked {
        return false;
    }
    let here = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(|| without_options(command_line()))
        .var(VARIABLE)
        .try_complete(std::env::args_os(), here.as_deref());
    // A shell shows nothing of an error.
    answered.unwrap_or(true)
}

/// Leaves out options where the user has not begun one, unless there is nothing else.
fn without_options(command: clap::Command) -> clap::Command {
    match current().starts_with('-') {
        true => command,
        false => hiding_options(command),
    }
}

fn hiding_options(command: clap::Command) -> clap::Command {
    command
        .disable_help_flag(true)
        .mut_args(|arg| {
            let is_hidden = !arg.is_positional();
            arg.hide(is_hidden)
        })
        .mut_subcommands(hiding_options)
}

/// The word that is completed.
fn current() -> String {
    let words: Vec<OsString> = std::env::args_os().skip(2).collect();
    let at = std::env::var("_CLAP_COMPLETE_INDEX").ok();
    let at = at.and_then(|at| at.parse().ok());
    let word = match at {
        Some(at) => words.get::<usize>(at),
        None => words.last(),
    };
    word.map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The variable by which a shell asks.
pub const VARIABLE: &str = "SERVANDA_COMPLETE";

fn candidates(takes: Takes, typed: &str) -> Option<Vec<CompletionCandidate>> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Another machine may take long to answer.
    let location = location(&words).filter(|location| location.directory().is_some())?;
    let registry = Registry::default();
    let backend = registry.of(&location).ok()?;
    let log = backend.open(&location, Duration::ZERO, HOLDER).ok()?;
    if log.damage().is_some() {
        return None;
    }
    let ledger = Ledger::open(log, Machine).ok()?;
    let found = match takes {
        Takes::Entity(kind) => entities(ledger.state(), kind, typed),
        Takes::Record => {
            let mut found = entities(ledger.state(), None, typed);
            found.extend(records(ledger.state(), typed));
            found
        }
        Takes::Field => fields(ledger.state(), &words, typed),
    };
    ledger.close_without_drop();
    Some(found)
}

/// The ledger that the words of the command line name, the environment, or the directory.
fn location(words: &[OsString]) -> Option<Location> {
    let flag = "--ledger";
    let given = words.iter().enumerate().find_map(|(at, word)| {
        let word = word.to_str()?;
        match word.strip_prefix(flag)? {
            "" => words.get(at + 1).cloned(),
            rest => rest.strip_prefix('=').map(OsString::from),
        }
    });
    let given = given.or_else(|| std::env::var_os("SERVANDA_LEDGER"));
    let given = given.filter(|given| !given.is_empty());
    given.map(Location::new).or_else(|| {
        let here = std::env::current_dir().ok()?;
        defaults::find(&here).ok()?.ledger
    })
}

/// The entities whose ids begin with what was typed; where there are none, those whose names do.
fn entities(state: &State, kind: Option<EntityKind>, typed: &str) -> Vec<CompletionCandidate> {
    let names = Names::new(state);
    let all = names.entities(kind);
    let wanted = typed.to_lowercase();
    let ids = all.iter().copied();
    let mut fitting: Vec<_> = ids
        .filter(|(id, _)| id.as_str().to_lowercase().starts_with(&wanted))
        .collect();
    if fitting.is_empty() {
        let wanted = folded(typed);
        let is_called = |name: &String| {
            let name = folded(name);
            let mut words = name.split(' ');
            name.starts_with(&wanted) || words.any(|word| word.starts_with(&wanted))
        };
        let called = all.into_iter();
        fitting = called
            .filter(|one| names.of(*one).iter().any(is_called))
            .collect();
    }
    let has_names = fitting.len() <= NAMED;
    let candidates = fitting.into_iter().map(|one| {
        let name = has_names
            .then(|| names.of(one).into_iter().next())
            .flatten();
        CompletionCandidate::new(one.0.as_str()).help(name.map(|name| brief(&name).into()))
    });
    candidates.collect()
}

fn records(state: &State, typed: &str) -> Vec<CompletionCandidate> {
    let names = Names::new(state);
    let last = state.count();
    let numbers = (last.saturating_sub(RECORDS)..last).rev();
    let fitting = numbers.filter(|number| number.to_string().starts_with(typed));
    let candidates = fitting.map(|number| {
        let shown = names.record_shown(Seq(number));
        CompletionCandidate::new(number.to_string()).help(Some(brief(&shown).into()))
    });
    candidates.collect()
}

/// The fields of the record that the word after `correction` names; of every kind where it names none.
fn fields(state: &State, words: &[OsString], typed: &str) -> Vec<CompletionCandidate> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let corrects = Kind::Corrected.word();
    let target = words
        .iter()
        .position(|word| *word == corrects)
        .and_then(|at| words.get(at + 1));
    let target = target.and_then(|text| Names::new(state).record(text, None).ok());
    let kinds: Vec<Kind> = match target.and_then(|seq| state.kind(seq)) {
        Some(kind) => vec![kind],
        None => Kind::ALL.to_vec(),
    };
    let mut found: Vec<(&str, &str)> = kinds
        .iter()
        .flat_map(|kind| kind.fields())
        .filter(|field| field.is_correctable() && field.name.starts_with(&typed.replace('-', "_")))
        .map(|field| (field.name, field.help()))
        .collect();
    found.sort_unstable();
    found.dedup_by_key(|(name, _)| *name);
    let candidates = found.into_iter();
    candidates
        .map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into())))
        .collect()
}
