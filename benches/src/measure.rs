//! What a measurement is made of: samples, medians, ratios, processes and their memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::peers::Outcome;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// A duration, a size.
    Less,
    /// A rate.
    More,
}

/// Samples of one thing, from rounds in which everything took its turn.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Of what.
    pub who: String,
    /// Unit of the samples.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    /// The samples.
    pub samples: Vec<f64>,
    /// What it is compared with: the same measurement of somebody else.
    pub against: Option<&'static str>,
}

impl Row {
    /// The middle sample.
    pub fn median(&self) -> f64 {
        quantile(&self.samples, 0.5)
    }
}

/// A quantile of some samples, by the nearest rank; none gives 0.
pub fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(rank).copied().unwrap_or_default()
}

/// All that was measured, in order.
#[derive(Debug, Default)]
pub struct Results(pub Vec<Row>);

impl Results {
    /// Adds a sample.
    pub fn add(
        &mut self,
        what: &str,
        who: &str,
        unit: &'static str,
        better: Better,
        sample: f64,
        against: Option<&'static str>,
    ) {
        let row = self
            .0
            .iter_mut()
            .find(|row| row.what == what && row.who == who);
        match row {
            Some(row) => row.samples.push(sample),
            None => self.0.push(Row {
                what: what.to_owned(),
                who: who.to_owned(),
                unit,
                better,
                samples: vec![sample],
                against,
            }),
        }
    }

    /// How much better a row is than what it is compared with: 2 is twice as good, whichever way that is.
    fn ratio(&self, row: &Row) -> Option<f64> {
        let other = self
            .0
            .iter()
            .find(|other| other.what == row.what && Some(other.who.as_str()) == row.against)?;
        let (own, other) = (row.median(), other.median());
        if own == 0.0 || other == 0.0 {
            return None;
        }
        Some(match row.better {
            Better::Less => other / own,
            Better::More => own / other,
        })
    }

    /// A table of Markdown.
    pub fn table(&self) -> String {
        let mut table = String::from(
            "| what | who | median | unit | samples | times as good as |\n|---|---|---:|---|---:|---|\n",
        );
        for row in &self.0 {
            let ratio = match (self.ratio(row), row.against) {
                (Some(ratio), Some(other)) => format!("{ratio:.2} {other}"),
                _ => String::new(),
            };
            let median = match row.median() {
                median if median >= 1_000.0 => format!("{median:.0}"),
                median => format!("{median:.3}"),
            };
            let line = format!(
                "| {} | {} | {median} | {} | {} | {ratio} |\n",
                row.what,
                row.who,
                row.unit,
                row.samples.len()
            );
            table.push_str(&line);
        }
        table
    }

    /// The same for programs, with the spread.
    pub fn json(&self) -> Value {
        let rows = self.0.iter().map(|row| {
            json!({
                "what": row.what,
                "who": row.who,
                "unit": row.unit,
                "median": row.median(),
                "lowest": quantile(&row.samples, 0.0),
                "highest": quantile(&row.samples, 1.0),
                "samples": row.samples.len(),
                "against": row.against,
                "times_as_good": self.ratio(row),
            })
        });
        Value::Array(rows.collect())
    }
}

/// Times something.
pub fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Duration)> {
    let began = Instant::now();
    let done = work()?;
    Ok((done, began.elapsed()))
}

/// What a process took.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// From start to end.
    pub time: Duration,
    /// The most memory it held, in bytes; 0 where the system does not tell.
    pub memory: u64,
}

/// Runs a command, whose output is of no interest, to its end.
pub fn run(command: &mut Command) -> Outcome<Spent> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let id = child.id();
    let (ended, time, memory) = thread::scope(|scope| {
        let (done, is_running) = mpsc::channel::<()>();
        let watcher = scope.spawn(move || {
            let mut most = 0;
            while is_running.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout) {
                most = most.max(memory_of(id).unwrap_or(0));
            }
            most
        });
        let ended = child.wait();
        let time = began.elapsed();
        drop(done);
        (ended, time, watcher.join().unwrap_or(0))
    });
    let ended = ended?;
    if !ended.success() {
        return Err(format!("{command:?} failed: {ended}").into());
    }
    Ok(Spent { time, memory })
}

/// How often a process is asked for its memory.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The most memory that a process held so far, in bytes, as Linux tells it. What the system says of a process that has
/// ended counts the one that started it, too.
fn memory_of(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Bytes that the files of a directory take on the disk.
pub fn size(dir: &Path) -> Outcome<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let found = entry.metadata()?;
        bytes += if found.is_dir() {
            size(&entry.path())?
        } else {
            found.blocks() * 512
        };
    }
    Ok(bytes)
}

/// Drops what the system keeps of files in memory, where it lets us: what is read next is read from the disk.
pub fn forget_files() -> bool {
    let synced = Command::new("sync")
        .status()
        .is_ok_and(|status| status.success());
    synced && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_says_how_much_better_whichever_way_that_is() {
        let mut results = Results::default();
        for sample in [1.0, 9.0, 2.0] {
            results.add("append", "ours", "us", Better::Less, sample, Some("file"));
            results.add("append", "file", "us", Better::Less, 2.0 * sample, None);
            results.add(
                "import",
                "ours",
                "events/s",
                Better::More,
                sample,
                Some("file"),
            );
            results.add(
                "import",
                "file",
                "events/s",
                Better::More,
                2.0 * sample,
                None,
            );
        }
        assert_eq!(results.0[0].median(), 2.0);
        assert_eq!(results.ratio(&results.0[0]), Some(2.0));
        assert_eq!(results.ratio(&results.0[2]), Some(0.5));
        assert_eq!(results.ratio(&results.0[1]), None);
    }
}
