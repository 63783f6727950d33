//! Who succeeded whom by a day, directly and through others.

use super::View;
use crate::rules::Known;
use crate::state::Id;
use crate::value::id::{PartyId, Seq, Slug};

/// Most parties of a line that are named.
const NAMED: usize = 8;

/// A party at the end of a line of succession from another, or to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor<'r> {
    /// The party.
    pub id: &'r Slug,
    /// The parties between the two, from the predecessor on; of a very long line, the ones next to the end.
    pub through: Vec<&'r Slug>,
    /// Whether it is the last of its line.
    pub is_last: bool,
}

/// A party that was reached, by which one, and whether it leads on.
struct Reached {
    party: Id,
    by: Option<usize>,
    is_last: bool,
}

impl<'r> View<'r> {
    /// Who succeeded a party, directly or through others, each once: the nearest come first.
    pub fn successors(&self, party: &PartyId) -> Vec<Successor<'r>> {
        let of = |party| {
            let made = self.state.successors(party);
            let made = made.filter(|(seq, _)| self.has_happened(*seq));
            made.flat_map(|(_, later)| later.iter().copied()).collect()
        };
        self.line(party, of, false)
    }

    /// Whom a party succeeded, directly or through others, each once: the nearest come first.
    pub fn predecessors(&self, party: &PartyId) -> Vec<Successor<'r>> {
        let of = |party| {
            let happened = |(seq, _): &(Seq, Id)| self.has_happened(*seq);
            let made = self.state.predecessors(party).filter(happened);
            made.map(|(_, earlier)| earlier).collect()
        };
        self.line(party, of, true)
    }

    /// The numbers of those who stand in the place of a party: the last of each line, or the party itself if nobody
    /// succeeded it.
    pub fn in_place_of(&self, party: &PartyId) -> Vec<Id> {
        let successors = self.successors(party);
        let last = successors.iter().filter(|each| each.is_last);
        let last: Vec<Id> = last.filter_map(|each| self.state.number(each.id)).collect();
        match last.is_empty() {
            true => self.state.number(&party.0).into_iter().collect(),
            false => last,
        }
    }

    /// All parties that lie on a line from one. An old ledger may have circles: no party is reached twice.
    fn line(
        &self,
        party: &PartyId,
        next: impl Fn(Id) -> Vec<Id>,
        backwards: bool,
    ) -> Vec<Successor<'r>> {
        let Some(number) = self.state.number(&party.0) else {
            return Vec::new();
        };
        // Most parties were not succeeded, and are asked for with every commitment.
        if next(number).is_empty() {
            return Vec::new();
        }
        let mut reached: Vec<Reached> = Vec::new();
        let mut open = vec![(number, None)];
        let mut at = 0;
        while let Some((party, by)) = open.get(at).copied() {
            let all = next(party);
            let is_known =
                |other: &Id| *other == number || reached.iter().any(|known| known.party == *other);
            let fresh: Vec<Id> = all.into_iter().filter(|other| !is_known(other)).collect();
            if let Some(by) = by {
                let known: &mut Reached = &mut reached[by];
                known.is_last = fresh.is_empty();
            }
            for party in fresh {
                open.push((party, Some(reached.len())));
                reached.push(Reached {
                    party,
                    by,
                    is_last: true,
                });
            }
            at += 1;
        }
        let successor = |each: &Reached| {
            let mut through = Vec::new();
            let mut by = each.by;
            while let Some(at) = by.filter(|_| through.len() < NAMED) {
                through.push(self.state.slug(reached[at].party));
                by = reached[at].by;
            }
            if !backwards {
                through.reverse();
            }
            Successor {
                id: self.state.slug(each.party),
                through,
                is_last: each.is_last,
            }
        };
        reached.iter().map(successor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind};
    use crate::testing::{event, state};

    fn history(successions: &[(&str, &str, &str)]) -> Vec<Event> {
        let party = |id: &&str| {
            let texts = [("id", *id), ("kind", "state"), ("name", id)];
            event(Kind::PartyRegistered, &texts)
        };
        let mut all = vec![event(Kind::LedgerOpened, &[("origin", "example.org/x")])];
        all.extend(["a", "b", "c", "d"].iter().map(party));
        all.extend(successions.iter().map(|(party, successor, on)| {
            let mut texts = vec![("party", *party), ("on", on)];
            texts.extend(successor.split(' ').map(|one| ("successor", one)));
            event(Kind::PartySucceeded, &texts)
        }));
        all
    }

    /// The lines from and to a party, and who stands in its place.
    fn lines(history: &[Event], of: &str, day: &str) -> [String; 3] {
        let state = state(history);
        let view = View {
            state: &state,
            as_of: day.parse().unwrap(),
        };
        let party: PartyId = of.parse().unwrap();
        let told = |all: Vec<Successor<'_>>| {
            let line = |each: &Successor<'_>| {
                let through = each.through.iter().map(|slug| slug.as_str());
                let through = through.collect::<Vec<_>>().join("-");
                format!(
                    "{}({through}){}",
                    each.id,
                    if each.is_last { "." } else { "" }
                )
            };
            all.iter().map(line).collect::<Vec<_>>().join(" ")
        };
        let place = view.in_place_of(&party);
        let place: Vec<&str> = place.iter().map(|id| state.slug(*id).as_str()).collect();
        [
            told(view.successors(&party)),
            told(view.predecessors(&party)),
            place.join(" "),
        ]
    }

    #[test]
    fn a_line_is_followed_both_ways_as_of_a_day() {
        let history = history(&[("a", "b", "2000-01-01"), ("b", "c d", "2010-01-01")]);
        assert_eq!(lines(&history, "a", "1999-12-31"), ["", "", "a"]);
        assert_eq!(lines(&history, "a", "2009-12-31"), ["b().", "", "b"]);
        assert_eq!(
            lines(&history, "a", "2010-01-01"),
            ["b() c(b). d(b).", "", "c d"]
        );
        assert_eq!(lines(&history, "d", "2010-01-01"), ["", "b() a(b).", "d"]);
    }

    #[test]
    fn a_circle_of_an_old_ledger_ends() {
        let circle = history(&[
            ("a", "b", "2000-01-01"),
            ("b", "c", "2001-01-01"),
            ("c", "a", "2002-01-01"),
        ]);
        assert_eq!(
            lines(&circle, "a", "2020-01-01"),
            ["b() c(b).", "c() b(c).", "c"]
        );
        let own = history(&[("a", "a", "2000-01-01")]);
        assert_eq!(lines(&own, "a", "2020-01-01"), ["", "", "a"]);
    }
}
