//! Histories close to real life, from a seed: the events that the benchmarks are run on.
//!
//! Parties register once, at the start. Then, evenly over thirty years, agreements are concluded, each with ten
//! commitments, and between two agreements there are status changes, progress, assessments, evidence, notes and 1 %
//! corrections on the commitments that are alive. Ten million events are 2,000 parties, 20,000 agreements and
//! 200,000 commitments; other sizes keep these proportions. Every event passes the rules. The same seed and size give the
//! same bytes for ever: nothing here depends on a random-number crate.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// Events for one party.
const PER_PARTY: u64 = 5_000;
/// Events for one agreement.
const PER_AGREEMENT: u64 = 500;
/// Commitments in one agreement.
const COMMITMENTS: u64 = 10;
/// Days over which the history spreads, from 1995-01-01.
const DAYS: u64 = 30 * 365;
/// Records that may still be corrected.
const CORRECTABLE: usize = 1_000;

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast, and the same everywhere.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0. Its bias is far below what a benchmark could notice.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Where a commitment stands, as far as the generator moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Agreed,
    Active,
    Suspended,
    Claimed,
    Breached,
}

/// A commitment that is alive.
#[derive(Debug, Clone, Copy)]
struct Commitment {
    number: u64,
    debtor: u64,
    creditor: u64,
    source: u64,
    standing: Standing,
}

/// The lines of an NDJSON file, one event each, for an empty ledger (one that has only its opening record).
#[derive(Debug, Clone)]
pub struct Generator {
    random: Random,
    events: u64,
    parties: u64,
    /// Number of the record that the next line becomes.
    record: u64,
    agreements: u64,
    commitments: u64,
    /// Lines that are due before anything else: the agreement's source, the agreement, its commitments.
    due: VecDeque<String>,
    alive: Vec<Commitment>,
    /// Progress that may be corrected: record and day.
    correctable: VecDeque<u64>,
}

const WHO: &[&str] = &[
    "the joint commission",
    "the technical secretariat",
    "the border committee",
    "the parties' experts",
    "the monitoring mission",
    "the regional office",
    "the ministry's directorate",
    "the liaison group",
];
const DID: &[&str] = &[
    "inspected the crossing and reported on its staffing",
    "exchanged the quarterly figures on patrols",
    "delivered the equipment listed in the annex",
    "trained officers in the common procedure",
    "published the timetable of the works",
    "opened the direct line between the two headquarters",
    "reviewed the budget and released the second tranche",
    "met the municipalities to agree on the schedule",
    "surveyed the pier and ordered the missing parts",
    "cleared the first section of the road",
];
const HOW: &[&str] = &[
    "with minor delays owing to the season",
    "as foreseen in the work plan",
    "in the presence of observers",
    "after consultation with both sides",
    "although two sites could not be reached",
    "ahead of the agreed date",
    "subject to confirmation in writing",
    "without further reservations",
];
const WHAT: &[&str] = &[
    "Repair and maintain the bridge",
    "Exchange customs data every quarter",
    "Keep the channel between commanders open",
    "Provide the funds for the programme",
    "Withdraw the posts from the demilitarised strip",
    "Admit inspectors to the sites",
    "Publish an annual report on emissions",
    "Return displaced families to their villages",
];
const THEMES: &[&str] = &[
    "security",
    "trade",
    "environment",
    "transport",
    "health",
    "justice",
];

impl Generator {
    /// A history of so many events.
    pub fn new(seed: u64, events: u64) -> Self {
        Self {
            random: Random(seed),
            events,
            parties: (events / PER_PARTY).max(4),
            record: 1,
            agreements: 0,
            commitments: 0,
            due: VecDeque::new(),
            alive: Vec::new(),
            correctable: VecDeque::new(),
        }
    }

    /// The day of the next record.
    fn day(&self) -> String {
        date(DAYS * self.record / self.events.max(1))
    }

    fn sentence(&mut self) -> String {
        format!(
            "{} {} {}, item {}",
            self.random.pick(WHO),
            self.random.pick(DID),
            self.random.pick(HOW),
            self.random.below(10_000)
        )
    }

    fn party(&mut self) -> String {
        let number = self.record;
        let kind = self
            .random
            .pick(&["state", "organisation", "organ", "unit"]);
        format!(
            r#"{{"event":"party","id":"p{number}","kind":"{kind}","name":["Party number {number} of the register"]}}"#
        )
    }

    /// A source, an agreement and its commitments.
    fn conclude(&mut self) {
        let agreement = self.agreements;
        self.agreements += 1;
        let day = self.day();
        let first = 1 + self.random.below(self.parties);
        let second = 1 + (first + self.random.below(self.parties - 1)) % self.parties;
        self.due.push_back(format!(
            r#"{{"event":"source","id":"s{agreement}","kind":"treaty","title":"Records of agreement {agreement}, as deposited","published":"{day}","language":"en"}}"#
        ));
        self.due.push_back(format!(
            r#"{{"event":"agreement","id":"a{agreement}","title":"Agreement number {agreement} on cooperation","form":"treaty","party":["p{first}","p{second}"],"on":"{day}","source":["s{agreement}: article 1"]}}"#
        ));
        for article in 0..COMMITMENTS {
            let number = self.commitments;
            self.commitments += 1;
            let (debtor, creditor) = if article % 2 == 0 {
                (first, second)
            } else {
                (second, first)
            };
            let mut line = format!(
                r#"{{"event":"commitment","id":"c{number}","agreement":"a{agreement}","text":"{}, {}","modality":["obligation"],"debtor":["p{debtor}"],"creditor":["p{creditor}"],"theme":["{}"],"on":"{day}","source":["s{agreement}: article {}"]"#,
                self.random.pick(WHAT),
                self.random.pick(HOW),
                self.random.pick(THEMES),
                article + 2,
            );
            match self.random.below(10) {
                0 => {}
                1 => line.push_str(r#","deadline":"continuing""#),
                _ => {
                    let ahead = 300 + self.random.below(3_000);
                    let due = date(DAYS * self.record / self.events.max(1) + ahead);
                    let _infallible = write!(line, r#","deadline":"{due}""#);
                }
            }
            line.push('}');
            self.due.push_back(line);
            self.alive.push(Commitment {
                number,
                debtor,
                creditor,
                source: agreement,
                standing: Standing::Agreed,
            });
        }
    }

    /// Something that happens to a commitment.
    fn happen(&mut self) -> String {
        let day = self.day();
        let place = self.random.below(self.alive.len() as u64) as usize;
        let commitment = self.alive[place];
        let Commitment {
            number,
            debtor,
            creditor,
            source,
            ..
        } = commitment;
        let item = 1 + self.random.below(400);
        let cited = format!(r#""on":"{day}","source":["s{source}: report {item}"]"#);
        match self.random.below(100) {
            0..25 => self.move_standing(place, &cited),
            25..56 => {
                let text = self.sentence();
                let more = self.sentence();
                if self.correctable.len() == CORRECTABLE {
                    self.correctable.pop_front();
                }
                self.correctable.push_back(self.record);
                format!(
                    r#"{{"event":"progress","text":"{text}","commitment":"c{number}","by":["p{debtor}"],"note":"{more}",{cited}}}"#
                )
            }
            56..71 => {
                let level = self
                    .random
                    .pick(&["none", "minimal", "intermediate", "full"]);
                let note = self.sentence();
                let assessor = self.assessor(debtor, creditor);
                format!(
                    r#"{{"event":"assessment","commitment":"c{number}","scale":"levels of implementation","level":"{level}","by":["p{assessor}"],"note":"{note}",{cited}}}"#
                )
            }
            71..83 => {
                let bearing = self.random.pick(&["supports", "refutes"]);
                let text = self.sentence();
                format!(
                    r#"{{"event":"evidence","about":"c{number}","bearing":"{bearing}","text":"{text}","confidence":"medium",{cited}}}"#
                )
            }
            83 => match self.correctable.pop_back() {
                Some(record) => {
                    let to = self.sentence();
                    format!(
                        r#"{{"event":"correction","record":{record},"field":"text","to":["{to}"],"reason":"Misread; the report says otherwise"}}"#
                    )
                }
                None => self.note(number, &cited),
            },
            _ => self.note(number, &cited),
        }
    }

    fn note(&mut self, number: u64, cited: &str) -> String {
        let text = self.sentence();
        let more = self.sentence();
        format!(r#"{{"event":"note","text":"{text}; {more}","about":["c{number}"],{cited}}}"#)
    }

    /// A party that is neither of these.
    fn assessor(&mut self, debtor: u64, creditor: u64) -> u64 {
        loop {
            let party = 1 + self.random.below(self.parties);
            if party != debtor && party != creditor {
                return party;
            }
        }
    }

    fn move_standing(&mut self, place: usize, cited: &str) -> String {
        let Commitment {
            number,
            debtor,
            creditor,
            standing,
            ..
        } = self.alive[place];
        let chance = self.random.below(100);
        let terms = r#","capacity":"terms""#;
        let (to, by, capacity, after) = match standing {
            Standing::Agreed => ("active", debtor, terms, Some(Standing::Active)),
            Standing::Active if chance < 70 => ("claimed", debtor, "", Some(Standing::Claimed)),
            Standing::Active if chance < 95 => {
                ("suspended", creditor, terms, Some(Standing::Suspended))
            }
            Standing::Active => ("breached", creditor, "", Some(Standing::Breached)),
            Standing::Suspended => ("active", debtor, terms, Some(Standing::Active)),
            Standing::Claimed if chance < 80 => ("active", creditor, "", Some(Standing::Active)),
            Standing::Claimed if chance < 90 => {
                ("breached", creditor, "", Some(Standing::Breached))
            }
            Standing::Claimed => ("fulfilled", creditor, "", None),
            Standing::Breached => ("active", creditor, "", Some(Standing::Active)),
        };
        match after {
            Some(standing) => self.alive[place].standing = standing,
            // One stays alive, so that there is always something to report on.
            None if self.alive.len() > 1 => drop(self.alive.swap_remove(place)),
            None => return self.note(number, cited),
        }
        let note = self.sentence();
        format!(
            r#"{{"event":"status","commitment":"c{number}","to":"{to}","by":["p{by}"]{capacity},"note":"{note}",{cited}}}"#
        )
    }
}

impl Iterator for Generator {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.record > self.events {
            return None;
        }
        let line = if self.record <= self.parties {
            self.party()
        } else {
            let due = (self.record - self.parties) / PER_AGREEMENT;
            if self.due.is_empty() && (self.alive.is_empty() || self.agreements <= due) {
                self.conclude();
            }
            match self.due.pop_front() {
                Some(line) => line,
                None => self.happen(),
            }
        };
        self.record += 1;
        Some(line)
    }
}

/// The date so many days after 1995-01-01 (after Howard Hinnant's `civil_from_days`).
fn date(days: u64) -> String {
    // Days from 0000-03-01 to 1995-01-01.
    let z = days + 728_599;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1995-01-01");
        assert_eq!(date(59), "1995-03-01");
        assert_eq!(date(365 + 59), "1996-02-29");
        assert_eq!(date(DAYS), "2024-12-24");
    }

    #[test]
    fn a_seed_gives_the_same_history_and_as_many_events_as_asked() {
        let lines: Vec<String> = Generator::new(7, 5_000).collect();
        assert_eq!(lines.len(), 5_000);
        assert!(Generator::new(7, 5_000).eq(lines.iter().cloned()));
        assert!(!Generator::new(8, 5_000).eq(lines));
    }
}
