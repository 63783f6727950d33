//! Signals: those that end the program, the one for a file that gets too large, and the one by which a program in Rust
//! ends itself when it gets no memory.
//!
//! SIGINT, SIGTERM and SIGHUP end each command with the exit code for it, after what it made for a while is removed. A
//! command that is about to append says so: what it has begun is finished and told, or given up as a whole.

use std::io::{self, IsTerminal as _, Write as _};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use super::error::Exit;

/// What a signal does instead of ending the program at once.
enum Answer {
    /// It is noted, and a second one ends the program.
    Note(Arc<AtomicBool>),
    /// Another program has the terminal, and answers Ctrl-C.
    OfChild,
    /// This comes before the end.
    Farewell(Box<dyn FnOnce() + Send>),
    /// Nothing: a server takes them itself, SIGHUP perhaps not.
    OfServer { takes_hangup: bool },
}

/// The answers, each under a number that no other has; the last one counts.
struct Answers {
    next: u64,
    of: Vec<(u64, Answer)>,
    /// Whether the command made a record: what is left of it is told first.
    has_recorded: bool,
    /// Whether a signal came after that.
    is_noted: bool,
}

static ANSWERS: Mutex<Answers> = Mutex::new(Answers {
    next: 0,
    of: Vec::new(),
    has_recorded: false,
    is_noted: false,
});

fn answers() -> MutexGuard<'static, Answers> {
    ANSWERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the signals that end a program, from now on. One that was ignored when the program began, as by `nohup`, stays
/// ignored.
pub fn take() {
    let wanted: Vec<i32> = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| !is_ignored(*signal))
        .collect();
    // If the handler or its thread cannot be had, the signals end the program as usual.
    let Ok(mut signals) = Signals::new(wanted) else {
        return;
    };
    let handle = signals.handle();
    let thread = thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            answer(signal);
        }
    });
    if thread.is_err() {
        handle.close();
    }
}

/// Whether the process ignores a signal.
#[cfg(target_os = "linux")]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(not(target_os = "linux"))]
fn is_ignored(_: i32) -> bool {
    false
}

/// Does what a signal asks for.
fn answer(signal: i32) {
    let mut answers = answers();
    match answers.of.pop() {
        Some((number, Answer::Note(noted))) if !noted.swap(true, Ordering::Relaxed) => {
            answers.of.push((number, Answer::Note(noted)));
        }
        Some((_, Answer::Note(_))) => end(
            answers,
            Exit::Locked,
            "error: interrupted twice: it is uncertain whether the append happened\n\
             hint: `servanda log` shows it\n",
        ),
        Some((number, Answer::OfChild)) if signal == SIGINT => {
            answers.of.push((number, Answer::OfChild));
        }
        Some((number, Answer::OfServer { takes_hangup })) if takes_hangup || signal != SIGHUP => {
            answers.of.push((number, Answer::OfServer { takes_hangup }));
        }
        // What it acknowledged is on the disk.
        Some((_, Answer::OfServer { .. })) => {
            end(answers, Exit::Interrupted, "error: interrupted\n");
        }
        Some((_, Answer::Farewell(last))) => {
            last();
            end(answers, Exit::Interrupted, "");
        }
        None if answers.has_recorded && !answers.is_noted => answers.is_noted = true,
        None if answers.has_recorded => end(
            answers,
            Exit::Recorded,
            "error: interrupted after records were made\n\
             hint: do not record them again: `servanda log` shows them\n",
        ),
        Some((_, Answer::OfChild)) | None => {
            end(
                answers,
                Exit::Interrupted,
                "error: interrupted; nothing was recorded\n\
                 hint: run the command again\n",
            );
        }
    }
}

/// Ends the program. No other thread begins an append any more, or tells an error that comes of this.
fn end(answers: MutexGuard<'static, Answers>, exit: Exit, says: &str) {
    mem::forget(answers);
    servanda_files::remove_all();
    let mut err = io::stderr().lock();
    // A bar may stand on the line.
    let line = if err.is_terminal() && !says.is_empty() {
        "\n"
    } else {
        ""
    };
    // No output is left to report that stderr is gone.
    let _ = write!(err, "{line}{says}");
    low_level::exit(exit as i32);
}

/// Waits until the program has ended, where a signal is ending it: what fails then is no error to tell.
pub fn wait_for_end() {
    drop(answers());
}

/// Notes that the command made a record. From now on a signal is noted only, unless a question is asked, and the command
/// tells the record and ends by itself; a second signal ends it.
pub fn note_recorded() {
    answers().has_recorded = true;
}

/// What a signal does, as long as this is there.
pub struct Answering(u64);

impl Answering {
    fn by(answer: Answer) -> Self {
        let mut answers = answers();
        answers.next += 1;
        let number = answers.next;
        answers.of.push((number, answer));
        Self(number)
    }

    /// An append, and the answer to the user: they are finished first, and a signal is noted only.
    pub fn by_finishing() -> Self {
        Self::by(Answer::Note(Arc::default()))
    }

    /// An editor or a pager has the terminal: Ctrl-C is for it.
    pub fn by_a_child() -> Self {
        Self::by(Answer::OfChild)
    }

    /// This once, and then the program ends with the exit code for it.
    pub fn by_farewell(last: impl FnOnce() + Send + 'static) -> Self {
        Self::by(Answer::Farewell(Box::new(last)))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        answers().of.retain(|(number, _)| *number != self.0);
    }
}

/// Leaves the signals to a server, which takes them itself, SIGHUP perhaps not.
pub fn hand_over(takes_hangup: bool) {
    mem::forget(Answering::by(Answer::OfServer { takes_hangup }));
}

/// Whether the user pressed Ctrl-C, or the system asked the program to end.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notes signals from now on, until the program ends. A second one ends it at once.
    pub fn noted() -> Self {
        let interrupt = Self::default();
        mem::forget(Answering::by(Answer::Note(Arc::clone(&interrupt.0))));
        interrupt
    }

    /// Whether a signal came.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Makes a write beyond the limit on the size of files (`ulimit -f`) fail, instead of ending the program.
pub fn note_file_limit() {
    // If the handler cannot be set, the signal ends the program as usual.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Makes the program end with an exit code of its own where it gets no memory, instead of by SIGABRT with a core dump.
///
/// Rust says "memory allocation of N bytes failed" on standard error and then aborts, whatever the program was doing: an
/// append may have just happened or not. Nothing can be tidied up there, so this is like a kill, which loses nothing.
pub fn note_memory_limit() {
    let always = Arc::new(AtomicBool::new(true));
    // If the handler cannot be set, the signal ends the program as usual.
    let _ = flag::register_conditional_shutdown(SIGABRT, Exit::Locked as i32, always);
}
