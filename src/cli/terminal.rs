//! The terminal on which questions are asked. The only file that names `inquire`.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use inquire::list_option::ListOption;
use inquire::ui::{RenderConfig, Styled};
use inquire::validator::Validation;
use inquire::{InquireError, Select, Text};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use textwrap::core::display_width;

use super::interrupt::Answering;
use crate::desk::ask::{Asked, Choice, Prompt, Stop};
use servanda_core::value::unicode::folded;
use servanda_core::words::{harmless, spelled_out};

/// How many answers are shown at once.
const PAGE: usize = 12;

/// What is left of a line beside an answer: the mark before it.
const MARK: usize = 3;

/// The width of a terminal that does not tell its own, in columns.
const USUAL_WIDTH: u16 = 80;

/// Shows the cursor, and tells the terminal not to mark what is pasted.
const AS_USUAL: &str = "\u{1b}[?25h\u{1b}[?2004l";

/// What is said where a signal ends the program.
pub type LastWords = Arc<Mutex<String>>;

/// Puts a terminal back as it was, and says the last words below the question that stands on it. It may be gone by then.
fn restore(before: Option<&Termios>, last_words: &LastWords) {
    let mut err = io::stderr().lock();
    if let Some(before) = before {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        let _ = writeln!(err, "{AS_USUAL}");
    }
    let words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = write!(err, "{words}");
}

/// Asks on standard error, so that standard output has data alone.
pub struct Terminal {
    /// Whether to use colour.
    colour: bool,
    _farewell: Answering,
}

/// An answer and its place.
struct Shown<'a> {
    at: usize,
    choice: &'a Choice,
    /// Its label on one line of the terminal.
    label: String,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl Terminal {
    /// The terminal of this process. A signal that ends the program while questions are asked leaves it as it is now.
    pub fn new(colour: bool, last_words: &LastWords) -> Self {
        let (before, last_words) = (tcgetattr(io::stdin()).ok(), Arc::clone(last_words));
        Self {
            colour,
            _farewell: Answering::by_farewell(move || restore(before.as_ref(), &last_words)),
        }
    }

    fn style(&self) -> RenderConfig<'static> {
        let style = match self.colour {
            true => RenderConfig::default_colored(),
            false => RenderConfig::empty(),
        };
        style.with_canceled_prompt_indicator(Styled::new("(not answered)"))
    }
}

impl Prompt for Terminal {
    fn say(&mut self, text: &str) {
        let text = spelled_out(text, "\n", " ");
        // Failing to write talk is no error.
        let _ = writeln!(io::stderr().lock(), "{}", wrapped(&text, width()));
    }

    fn choose(&mut self, question: &str, help: &str, choices: &[Choice]) -> Result<usize, Stop> {
        let room = width().saturating_sub(MARK);
        let options = choices.iter().enumerate();
        let options: Vec<Shown<'_>> = options
            .map(|(at, choice)| Shown {
                at,
                choice,
                label: shortened(&harmless(&choice.label), room),
            })
            .collect();
        let scorer = |typed: &str, option: &Shown<'_>, _: &str, _: usize| {
            let label = folded(&option.choice.label);
            let typed = folded(typed);
            let has_all = typed.split_whitespace().all(|word| label.contains(word));
            // What it says whole comes first, then what begins with it.
            let after = label.strip_prefix(&*typed);
            let is_whole = after.is_some_and(|after| !after.starts_with(char::is_alphanumeric));
            match (has_all, option.choice.is_always_offered) {
                (true, _) if is_whole => Some(3),
                (true, _) if after.is_some() => Some(2),
                (true, _) => Some(1),
                (false, true) => Some(0),
                (false, false) => None,
            }
        };
        let question = harmless(question);
        let rest = room.saturating_sub(display_width(&question));
        let formatter = |chosen: ListOption<&Shown<'_>>| shortened(&chosen.value.label, rest);
        let help = told(help, "type to search, Enter to choose, Esc to go back");
        let chosen = Select::new(&question, options)
            .with_help_message(&help)
            .with_page_size(PAGE)
            .with_scorer(&scorer)
            .with_formatter(&formatter)
            .with_render_config(self.style())
            .prompt();
        chosen.map(|chosen| chosen.at).map_err(stopped)
    }

    fn text(&mut self, asked: &Asked<'_>) -> Result<String, Stop> {
        // The library tells what is typed to what would complete it.
        let typed = asked.typed;
        let listen = move |text: &str| {
            typed(text);
            Ok(Vec::new())
        };
        let check = asked.check;
        let validate = move |text: &str| {
            Ok(match check(text) {
                Ok(()) => Validation::Valid,
                Err(why) => {
                    let why = spelled_out(&why, "\n", " ");
                    Validation::Invalid(wrapped(&why, width().saturating_sub(MARK)).into())
                }
            })
        };
        let keys = match (asked.is_optional, asked.default) {
            (true, _) => "Enter alone leaves it out, Esc goes to the overview",
            (false, Some(_)) => "Enter alone takes what is in brackets, Esc goes to the overview",
            (false, None) => "Esc goes to the overview",
        };
        let (question, help) = (harmless(asked.question), told(asked.help, keys));
        let mut prompt = Text::new(&question)
            .with_help_message(&help)
            .with_initial_value(asked.initial)
            .with_autocomplete(listen)
            .with_validator(validate)
            .with_render_config(self.style());
        if let Some(default) = asked.default {
            prompt = prompt.with_default(default);
        }
        prompt.prompt().map_err(stopped)
    }
}

/// What a question means, and which keys answer it.
fn told(help: &str, keys: &str) -> String {
    let keys = match help {
        "" => keys.to_owned(),
        help => format!("{}\n{keys}", spelled_out(help, "\n", " ")),
    };
    wrapped(&keys, width().saturating_sub(MARK))
}

/// The columns of the terminal.
fn width() -> usize {
    let width = terminal_size::terminal_size_of(io::stderr());
    let width = width.map_or(USUAL_WIDTH, |(width, _)| width.0);
    usize::from(width.max(20))
}

/// A text as lines of at most this many columns, broken between words. A line that goes on is indented by two more.
fn wrapped(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| {
        let words = line.trim_start();
        let indent = " ".repeat(line.len() - words.len());
        let deeper = format!("{indent}  ");
        let options = textwrap::Options::new(width)
            .initial_indent(&indent)
            .subsequent_indent(&deeper);
        textwrap::fill(words, options)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The beginning of a line that fits into so many columns.
fn shortened(line: &str, width: usize) -> String {
    if display_width(line) <= width {
        return line.to_owned();
    }
    let lines = textwrap::wrap(line, width.saturating_sub(1));
    format!("{}…", lines.first().map_or("", |first| first.trim_end()))
}

fn stopped(error: InquireError) -> Stop {
    match error {
        InquireError::OperationCanceled => Stop::Back,
        InquireError::OperationInterrupted => {
            // The question stands there still, and may reach to the last line of the screen.
            let _ = writeln!(io::stderr().lock());
            Stop::Interrupted
        }
        error => Stop::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_answers_shortened() {
        let text = "party: Colombia was registered\n  name: República de Colombia";
        assert_eq!(
            wrapped(text, 20),
            "party: Colombia was\n  registered\n  name: República de\n    Colombia"
        );
        assert_eq!(wrapped("a\n\nb", 20), "a\n\nb");
        assert_eq!(shortened("Colombia", 8), "Colombia");
        assert_eq!(shortened("Colombia", 5), "Colo…");
        assert_eq!(shortened("日本国", 5), "日本…");
    }
}
