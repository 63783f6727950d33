//! The texts of events, and where words stand: kept by a server, so that a search reads few records.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::FixedState;

use servanda_core::event::{Change, Event, Kind};
use servanda_core::state::State;
use servanda_core::value::id::{Reference, Seq};
use servanda_core::value::unicode::folded;
use servanda_core::view::View;

use crate::parallel;

/// How many records share a place.
const TOGETHER: u64 = 64;

/// The most places of words that are kept, of four bytes each. Of a ledger with more, searches read the records.
const PLACES: usize = 50_000_000;

/// How many new records whoever searches takes in.
const FEW: u64 = 4_096;

/// The texts of an event, each with the name of its field: all but the names of other entities and records.
pub fn texts(event: &Event) -> Vec<(&'static str, String)> {
    let mut named: Vec<(&str, String)> = Vec::new();
    event.each_reference(|field, reference| named.push((field, name(reference))));
    let defined = event.defines().map(name);
    let fields = event.to_fields();
    let mut texts = Vec::new();
    for spec in event.kind().fields() {
        let said = fields.get(spec.name).iter();
        let own = said.filter(|text| {
            let is_name = named
                .iter()
                .any(|(field, name)| *field == spec.name && name == *text);
            !is_name || defined.as_ref() == Some(*text)
        });
        texts.extend(own.map(|text| (spec.name, text.clone())));
    }
    texts
}

/// The text by which an event names something.
pub fn name(reference: Reference<'_>) -> String {
    match (reference, reference.slug()) {
        (Reference::Record(seq), _) => seq.to_string(),
        (_, slug) => slug.map(ToString::to_string).unwrap_or_default(),
    }
}

/// Where words stand, in stretches of records. More may be named than there are; none is left out.
#[derive(Debug, Default)]
pub struct Texts(RwLock<Index>);

#[derive(Debug, Default)]
struct Index {
    /// How many records were taken in.
    count: u64,
    /// The stretches of each word, in order.
    words: HashMap<Box<str>, Vec<u32>, FixedState>,
    /// How many places that are.
    places: usize,
}

impl Texts {
    /// Takes in the records of a state that are new. The first time it reads all of them.
    pub fn catch_up(&self, view: &View<'_>) {
        let known = |index: &Index| (index.count, index.places <= PLACES);
        let (mut count, is_kept) = known(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        while is_kept && count < view.state.count() {
            // Those who search go on between the parts.
            let end = view.state.count().min(count + 128 * TOGETHER);
            let found = Found::of(view, count, end);
            let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if index.count == count {
                index.take(found, end);
            }
            count = index.count;
            if index.places > PLACES {
                index.words = HashMap::default();
                return;
            }
        }
    }

    /// The stretches of records that may have all these words, in order; none where it is not known, or all may.
    pub fn stretches(&self, view: &View<'_>, words: &[String]) -> Option<Vec<Range<u64>>> {
        let count = view.state.count();
        let behind = |index: &Index| count.saturating_sub(index.count);
        let is_behind = {
            let index = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if index.places > PLACES || behind(&index) > FEW {
                return None;
            }
            behind(&index) > 0
        };
        if is_behind {
            self.catch_up(view);
        }
        let index = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let whole = words.iter().map(|word| folded(word));
        let parts: BTreeSet<String> = whole
            .flat_map(|word| parts(&word).map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let found = parts.iter().map(|part| index.having(part));
        let found = found.reduce(|one, other| &one & &other)?;
        let stretch = |at: u32| {
            let first = u64::from(at) * TOGETHER;
            first..(first + TOGETHER).min(count)
        };
        Some(found.into_iter().map(stretch).collect())
    }
}

impl Index {
    fn take(&mut self, found: Found, end: u64) {
        for (stretch, words) in found.0 {
            for word in words {
                let places = self.words.entry(word).or_default();
                match places.binary_search(&stretch) {
                    Ok(_) => continue,
                    Err(at) => places.insert(at, stretch),
                }
                self.places += 1;
            }
        }
        self.count = end;
    }

    /// The stretches with a word of which this is a part.
    fn having(&self, part: &str) -> BTreeSet<u32> {
        let words = self.words.iter().filter(|(word, _)| word.contains(part));
        let places = words.flat_map(|(_, places)| places);
        let mut found: Vec<u32> = places.copied().collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().collect()
    }
}

/// The words of some stretches, and of records before them that are read otherwise now.
struct Found(Vec<(u32, Vec<Box<str>>)>);

impl Found {
    fn of(view: &View<'_>, from: u64, end: u64) -> Self {
        let first = from / TOGETHER;
        let count = (end.div_ceil(TOGETHER) - first) as usize;
        let found = parallel::ordered(view, count, |scope, at| {
            let stretch = first + at as u64;
            let records = (stretch * TOGETHER).max(from)..((stretch + 1) * TOGETHER).min(end);
            place(stretch).map(|place| (place, words(scope.view.state, records)))
        });
        let mut all: Vec<(u32, Vec<Box<str>>)> = found.flatten().collect();
        // What is corrected has other words, where it stands.
        let corrects = |seq: &Seq| {
            let kind = view.state.kind(*seq);
            kind.is_some_and(|kind: Kind| kind.spec().change == Some(Change::Corrects))
        };
        for seq in (from..end).map(Seq).filter(corrects) {
            let target = view
                .state
                .held(seq)
                .and_then(|held| held.entry.event.target());
            if let Some(Seq(target)) = target
                && let Some(place) = place(target / TOGETHER)
            {
                all.push((place, words(view.state, target..target + 1)));
            }
        }
        Self(all)
    }
}

fn place(stretch: u64) -> Option<u32> {
    u32::try_from(stretch).ok()
}

/// The different words of some records. What is withheld has none.
fn words(state: &State, records: Range<u64>) -> Vec<Box<str>> {
    let mut found: std::collections::HashSet<Box<str>, FixedState> = Default::default();
    for seq in records.map(Seq) {
        let held = state.held(seq).filter(|held| held.redacted.is_none());
        let Some(held) = held else { continue };
        for (_, text) in texts(&held.entry.event) {
            let text = folded(&text);
            for part in parts(&text).filter(|part| !part.is_empty()) {
                if !found.contains(part) {
                    found.insert(part.into());
                }
            }
        }
    }
    found.into_iter().collect()
}

/// The parts of a folded text that have letters and digits only.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|letter: char| !letter.is_alphanumeric());
    parts.filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::search::Search;
    use crate::report::{Kept, Question, Report as _};
    use servanda_core::testing::{entries, histories};
    use std::sync::Arc;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn a_search_finds_the_same_with_and_without(history in histories(0..160), step in 1..40_usize) {
            let texts = Arc::new(Texts::default());
            let mut state = State::default();
            for (at, entry) in entries(&history).into_iter().enumerate() {
                state.apply(&entry);
                if at % step != 0 {
                    continue;
                }
                let view = View { state: &state, as_of: "2023-12-31".parse().unwrap() };
                texts.catch_up(&view);
                for word in ["e", "the", "2023", "a b", "é", "p1", "–"] {
                    let words = vec![word.to_owned()];
                    let without = Question { words, ..Question::default() };
                    let kept = Kept { texts: Some(texts.clone()), ..Kept::default() };
                    let with = Question { kept, ..without.clone() };
                    prop_assert_eq!(Search.document(&view, &with), Search.document(&view, &without), "{}", word);
                }
            }
        }
    }
}
