//! Numbers for those who watch the server, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the stretches in which times are counted, in milliseconds.
const STRETCHES: [u64; 10] = [1, 3, 10, 30, 50, 100, 300, 1_000, 3_000, 10_000];

/// What is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Answers, by the first digit of their status.
    answers: [AtomicU64; 6],
    /// Answers that took at most so long each.
    within: [AtomicU64; STRETCHES.len()],
    micros: AtomicU64,
    /// Events that became records.
    recorded: AtomicU64,
    /// Wrong tokens.
    wrong_tokens: AtomicU64,
}

impl Metrics {
    /// Counts an answer.
    pub fn answered(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).min(self.answers.len() - 1);
        self.answers[class].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        for (end, count) in STRETCHES.iter().zip(&self.within) {
            if micros <= end * 1_000 {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts events that became records.
    pub fn recorded(&self, events: usize) {
        self.recorded.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Counts a wrong token.
    pub fn wrong_token(&self) {
        self.wrong_tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it as text.
    pub fn text(&self, records: u64, followers: usize) -> String {
        let mut text = String::new();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut one = |name: &str, kind: &str, help: &str, value: u64| {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "# HELP servanda_{name} {help}\n# TYPE servanda_{name} {kind}\nservanda_{name} {value}"
            );
        };
        one("records", "gauge", "Records of the ledger.", records);
        one(
            "followers",
            "gauge",
            "Clients that follow the ledger.",
            followers as u64,
        );
        one(
            "recorded_total",
            "counter",
            "Events that became records.",
            read(&self.recorded),
        );
        one(
            "wrong_tokens_total",
            "counter",
            "Wrong tokens.",
            read(&self.wrong_tokens),
        );
        text.push_str("# HELP servanda_answers_total Answers by the class of their status.\n# TYPE servanda_answers_total counter\n");
        for (class, count) in self.answers.iter().enumerate().skip(1) {
            let _ = writeln!(
                text,
                "servanda_answers_total{{class=\"{class}xx\"}} {}",
                read(count)
            );
        }
        text.push_str("# HELP servanda_answer_seconds Time to answer.\n# TYPE servanda_answer_seconds histogram\n");
        for (end, count) in STRETCHES.iter().zip(&self.within) {
            let (whole, rest) = (end / 1_000, end % 1_000);
            let _ = writeln!(
                text,
                "servanda_answer_seconds_bucket{{le=\"{whole}.{rest:03}\"}} {}",
                read(count)
            );
        }
        let all: u64 = self.answers.iter().map(read).sum();
        let micros = read(&self.micros);
        let _ = writeln!(
            text,
            "servanda_answer_seconds_bucket{{le=\"+Inf\"}} {all}\nservanda_answer_seconds_sum {}.{:06}\nservanda_answer_seconds_count {all}",
            micros / 1_000_000,
            micros % 1_000_000
        );
        text
    }
}
