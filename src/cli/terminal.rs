//! The terminal on which questions are asked. The only file that names `inquire`.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write as _};
use std::rc::Rc;

use inquire::ui::RenderConfig;
use inquire::validator::Validation;
use inquire::{InquireError, Select, Text};

use crate::desk::ask::{Asked, Choice, Prompt, Stop};
use servanda_core::value::unicode::folded;
use servanda_core::words::{harmless, spelled_out};

/// How many answers are shown at once.
const PAGE: usize = 12;

/// Asks on standard error, so that standard output has data alone.
pub struct Terminal {
    /// Whether to use colour.
    pub colour: bool,
}

/// An answer and its place.
struct Shown<'a>(usize, &'a Choice);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&harmless(&self.1.label))
    }
}

impl Terminal {
    fn style(&self) -> RenderConfig<'static> {
        match self.colour {
            true => RenderConfig::default_colored(),
            false => RenderConfig::empty(),
        }
    }
}

impl Prompt for Terminal {
    fn say(&mut self, text: &str) {
        // Failing to write talk is no error.
        let _ = writeln!(io::stderr().lock(), "{}", spelled_out(text, "\n", "\t"));
    }

    fn choose(&mut self, question: &str, help: &str, choices: &[Choice]) -> Result<usize, Stop> {
        let options: Vec<Shown<'_>> = choices
            .iter()
            .enumerate()
            .map(|(at, choice)| Shown(at, choice))
            .collect();
        let scorer = |typed: &str, option: &Shown<'_>, label: &str, _: usize| {
            let label = folded(label);
            let has_all = folded(typed)
                .split_whitespace()
                .all(|word| label.contains(word));
            match (has_all, option.1.is_always_offered) {
                (true, _) => Some(1),
                (false, true) => Some(0),
                (false, false) => None,
            }
        };
        let question = harmless(question);
        let chosen = Select::new(&question, options)
            .with_help_message(help)
            .with_page_size(PAGE)
            .with_scorer(&scorer)
            .with_render_config(self.style())
            .prompt();
        chosen
            .map(|Shown(at, _)| at)
            .map_err(|error| stopped(error, String::new()))
    }

    fn text(&mut self, asked: &Asked<'_>) -> Result<String, Stop> {
        // What was typed when the user stops is only told while it is typed.
        let typed = Rc::new(RefCell::new(asked.initial.to_owned()));
        let listener = Rc::clone(&typed);
        let listen = move |text: &str| {
            text.clone_into(&mut listener.borrow_mut());
            Ok(Vec::new())
        };
        let check = asked.check;
        let validate = move |text: &str| {
            Ok(match check(text) {
                Ok(()) => Validation::Valid,
                Err(why) => Validation::Invalid(harmless(&why).into()),
            })
        };
        let question = harmless(asked.question);
        let mut prompt = Text::new(&question)
            .with_help_message(asked.help)
            .with_initial_value(asked.initial)
            .with_autocomplete(listen)
            .with_validator(validate)
            .with_render_config(self.style());
        if let Some(default) = asked.default {
            prompt = prompt.with_default(default);
        }
        prompt
            .prompt()
            .map_err(|error| stopped(error, typed.borrow().clone()))
    }
}

fn stopped(error: InquireError, typed: String) -> Stop {
    match error {
        InquireError::OperationCanceled => Stop::Back,
        InquireError::OperationInterrupted => Stop::Interrupted(typed),
        error => Stop::Failed(error.to_string()),
    }
}
