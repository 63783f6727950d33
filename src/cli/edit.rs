//! `record KIND --edit`: a template in an editor, which opens again with every error marked until the event is recorded
//! or the editor is closed without a change. No line that was typed is lost: the file stays until then.

use std::io::{self, IsTerminal};

use super::error::{CliError, Exit, in_words};
use super::interrupt::Answering;
use super::session::Session;
use super::typed::Typed;
use crate::desk::draft::Draft;
use crate::desk::reading::Wrong;
use crate::desk::template;
use servanda_core::event::Kind;

/// How often the editor is opened at most: an editor that is a program may never get it right.
const ROUNDS: usize = 100;

/// Why an attempt to record what a template says failed.
pub struct Failure {
    /// The error.
    pub error: CliError,
    /// The fields that are wrong.
    pub wrong: Vec<Wrong>,
    /// Whether a rule refuses the event.
    pub is_refused: bool,
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self {
            error,
            wrong: Vec::new(),
            is_refused: false,
        }
    }
}

impl Failure {
    /// Fields of an event of a kind that are wrong.
    pub fn fields(kind: Kind, wrong: Vec<Wrong>) -> Self {
        Self {
            wrong: wrong.clone(),
            ..CliError::wrong_fields(kind, &wrong).into()
        }
    }

    /// The lines for the template: of each field, and of the whole.
    fn marks(&self, kind: Kind) -> Vec<template::Mark> {
        let of_fields = self.wrong.iter().map(|wrong| template::Mark {
            field: wrong.field.clone(),
            message: in_words(kind, wrong),
        });
        let whole = |message: &String| template::Mark {
            field: String::new(),
            message: message.clone(),
        };
        if self.wrong.is_empty() {
            let error = [&self.error.message].into_iter();
            let all = error.chain(&self.error.details).chain(&self.error.hints);
            return all.map(whole).collect();
        }
        let forms = self.wrong.iter().flat_map(|wrong| wrong.forms);
        let mut forms: Vec<String> = forms.map(ToString::to_string).collect();
        forms.dedup();
        of_fields.chain(forms.iter().map(whole)).collect()
    }

    /// Whether another text could mend it.
    fn is_mendable(&self) -> bool {
        matches!(self.error.exit, Exit::Refused | Exit::Usage)
    }
}

/// Lets the user fill in a template until `record` succeeds. `start` is the text of a template to go on with.
pub fn run(
    kind: Kind,
    typed: &Typed,
    start: Option<String>,
    session: &Session,
    record: impl Fn(Typed) -> Result<Exit, Failure>,
) -> Result<Exit, CliError> {
    let editor = editor()?;
    let cannot = |error: io::Error| CliError::refused(format!("cannot edit a template: {error}"));
    let mut draft = Draft::new(session.draft_directory(None).as_deref(), ".txt").map_err(cannot)?;
    let mut is_new = start.is_none();
    let mut text = start.unwrap_or_else(|| template::write(kind, &typed.fields));
    let mut last = None;
    for _ in 0..ROUNDS {
        draft.write(&text).map_err(cannot)?;
        let opened = open(&editor, &draft);
        let after = draft.read().map_err(cannot)?;
        if let Err(error) = opened {
            if is_new && after == text {
                draft.remove();
                return Err(error);
            }
            return Err(kept(error, kind, &draft));
        }
        if after.trim().is_empty() || is_new && after == text {
            draft.remove();
            session.talk("nothing was recorded: the template is empty");
            return Ok(Exit::Ok);
        }
        if let Some(error) = last.take()
            && after == text
        {
            return Err(kept(error, kind, &draft));
        }
        is_new = false;
        let failure = match record(Typed::of_template(&after)) {
            Ok(exit) => {
                draft.remove();
                return Ok(exit);
            }
            Err(failure) => failure,
        };
        if session.has_recorded() {
            draft.remove();
            return Err(failure.error);
        }
        if !failure.is_mendable() {
            return Err(kept(failure.error, kind, &draft));
        }
        text = template::marked(&after, &failure.marks(kind));
        last = Some(failure.error);
    }
    let error = last.unwrap_or_else(|| CliError::refused("the editor was opened too often"));
    Err(kept(error, kind, &draft))
}

fn kept(error: CliError, kind: Kind, draft: &Draft) -> CliError {
    let path = draft.path().display();
    error
        .hint(format!("what you typed is kept in {path}"))
        .hint(format!(
            "`servanda record {kind} --edit --file {path}` goes on with it"
        ))
}

fn editor() -> Result<String, CliError> {
    // An editor that was named may be a program that needs no terminal; vi does.
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| {
        let named = std::env::var(name).ok();
        named.filter(|editor| !editor.trim().is_empty())
    });
    if named.is_none() && !io::stdin().is_terminal() {
        return Err(
            CliError::new(Exit::Usage, "--edit needs a terminal, or EDITOR")
                .hint("use flags, or --file - to read JSON from a pipe"),
        );
    }
    Ok(named.unwrap_or_else(|| "vi".into()))
}

fn open(editor: &str, draft: &Draft) -> Result<(), CliError> {
    let _left_to_it = Answering::by_a_child();
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(draft.path())
        .status()
        .map_err(|error| CliError::refused(format!("cannot edit a template: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(
        CliError::refused(format!("the editor `{editor}` failed: {status}"))
            .hint("set EDITOR to an editor that waits until the file is closed"),
    )
}
