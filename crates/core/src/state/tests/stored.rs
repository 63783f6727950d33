//! States that read the pages of a snapshot.

use super::days::assert_bounds;
use super::*;
use crate::pages::{PageWriter, Pages, Remake};
use crate::state::current::RecordStatus;
use crate::state::stored::Table;

fn pages_of(bytes: Vec<u8>, again: Option<Vec<u8>>) -> Option<(Pages, Vec<u8>)> {
    let remake = again.map(|again| -> Remake { Box::new(move || Some(again.clone())) });
    Pages::open(Arc::new(bytes), 0, remake)
}

fn opened(bytes: Vec<u8>, again: Option<Vec<u8>>, history: &[Event]) -> Option<State> {
    let (pages, root) = pages_of(bytes, again)?;
    State::from_pages(Arc::new(pages), &root, Arc::new(Kept::of(history)))
}

/// An image with other bytes in its pages, whose check sums fit.
fn forged(bytes: &[u8], changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let (pages, mut root) = pages_of(bytes.to_vec(), None).unwrap();
    let all = |table| (0..pages.count(table)).map(move |page| (table, page));
    let all: Vec<(usize, usize)> = (0..State::TABLES).flat_map(all).collect();
    let mut contents: Vec<Vec<u8>> = all
        .iter()
        .map(|(table, page)| pages.peek(*table, *page).unwrap())
        .collect();
    for (place, byte) in changes {
        let mut at = place.index(contents.iter().map(Vec::len).sum::<usize>() + root.len());
        for page in contents.iter_mut().chain([&mut root]) {
            if let Some(old) = page.get_mut(at) {
                *old = *byte;
                break;
            }
            at -= page.len();
        }
    }
    let mut out = Vec::new();
    let mut give = |piece: &[u8]| out.extend_from_slice(piece);
    let mut to = PageWriter::new(&mut give);
    for table in 0..State::TABLES {
        for ((_, page), bytes) in all
            .iter()
            .zip(&contents)
            .filter(|((of, _), _)| *of == table)
        {
            let key = pages.key(table, *page).unwrap();
            to.page(key).extend_from_slice(bytes);
            to.close_page();
        }
        to.close_table(pages.values(table));
    }
    to.finish(&root);
    out
}

/// Takes in what it is given, answers, and takes it out again.
fn exercise(mut state: State, history: &[Event]) {
    let view = View::whole(&state);
    let _ = (
        view.commitments(),
        view.agreements(),
        view.parties(),
        view.sources(),
    );
    for event in history {
        let _ = rules::check(&state, event);
    }
    let seqs = (0..state.count()).map(Seq);
    seqs.for_each(|seq| _ = (state.is_noteworthy(seq), state.agreement_of_dateless(seq)));
    state.read_all();
    for entry in entries(history) {
        state.apply(&entry);
    }
    let _ = state.rewind(0);
}

const DATE: chrono::NaiveDate = chrono::NaiveDate::from_ymd_opt(2001, 2, 3).unwrap();

fn opened_with(more: Vec<Event>) -> Vec<Event> {
    super::opened(&more)
}

/// More than a page of everything that most records have.
#[test]
fn a_long_state_is_read_page_by_page() {
    let day = |at: usize| (DATE + chrono::Days::new(at as u64 % 900)).to_string();
    let party = |at: usize| party(&format!("party-{at}"));
    let dated = |at: usize| {
        let about = format!(
            "party-{}",
            if at.is_multiple_of(4) { at % 2_500 } else { 3 }
        );
        event(
            Kind::Noted,
            &[("text", "n"), ("on", &day(at)), ("about", &about)],
        )
    };
    let parties = (0..2_500).map(party);
    let history = opened_with(parties.chain((0..6_500).map(dated)).collect());
    let whole = state(&history);
    let bytes = whole.to_bytes();
    let (pages, _) = pages_of(bytes.clone(), None).unwrap();
    let of = |table: Table| pages.count(table as usize);
    assert!(of(Table::Kinds) > 1 && of(Table::Entities) > 1 && of(Table::Dates) > 1);
    assert!(of(Table::Trails) > 0 && of(Table::Hashes) > 1);
    let again = opened(bytes, None, &history).unwrap();
    for at in (0..2_500).step_by(7).chain([3]) {
        let party = slug(&format!("party-{at}"));
        let subject = crate::value::id::Subject::Entity(party.clone());
        assert_eq!(again.number(&party), whole.number(&party));
        assert_eq!(again.entity(&party), whole.entity(&party));
        let trail = again.trail_records(&subject);
        assert!(trail.eq(whole.trail_records(&subject)));
    }
    for seq in (0..whole.count()).map(Seq) {
        assert_eq!(again.date(seq), whole.date(seq));
        assert_eq!(again.latest_around(seq), whole.latest_around(seq));
        assert_eq!(again.is_noteworthy(seq), whole.is_noteworthy(seq));
        assert_eq!(again.is_mended(seq), whole.is_mended(seq));
        if let Some(agreement) = again.agreement_of_dateless(seq) {
            assert_eq!(whole.agreement_of_dateless(seq), Some(agreement));
        }
    }
    assert_eq!(again, whole);
    assert_eq!(again.unreadable(), None);
}

/// A page that is damaged is made anew, wherever it is.
#[test]
fn a_damaged_page_never_makes_a_wrong_answer() {
    let history = history(7, 400);
    let whole = state(&history);
    let bytes = whole.to_bytes();
    let (pages, root) = pages_of(bytes.clone(), None).unwrap();
    let all =
        (0..State::TABLES).flat_map(|table| (0..pages.count(table)).map(move |page| (table, page)));
    let mut at = 0;
    for (table, page) in all {
        let mut damaged = bytes.clone();
        damaged[at + pages.length(table, page) / 2] ^= 0x11;
        at += pages.length(table, page);
        let again = opened(damaged.clone(), Some(bytes.clone()), &history).unwrap();
        again.read_all();
        assert_eq!(again, whole, "page {page} of table {table}");
        assert!(again.is_damaged());
        assert_eq!(again.unreadable(), None);
        // What cannot be made anew is told.
        let lost = opened(damaged, None, &history).unwrap();
        lost.read_all();
        assert!(lost.unreadable().is_some());
        exercise(lost, &history);
    }
    assert!(at > 0 && !root.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_state_from_pages_goes_on_as_one_from_records(
        history in histories(1..160),
        cut: usize,
        back: usize,
    ) {
        let cut = cut % (history.len() + 1);
        let mut again = opened(state(&history[..cut]).to_bytes(), None, &history).unwrap();
        for entry in entries(&history).split_off(cut) {
            prop_assert_eq!(rules::check(&again, &entry.event), Ok(()));
            again.take(entry);
        }
        let whole = state(&history);
        prop_assert!(again.records().eq(whole.records()));
        prop_assert_eq!(picture(&again), picture(&whole));
        compare_facts(&again)?;
        for event in &history {
            let key = event.envelope.import_key.as_ref().map(|key| key.as_str());
            prop_assert_eq!(key.map(|key| again.imported(key)), key.map(|key| whole.imported(key)));
        }
        for seq in (0..whole.count()).map(Seq) {
            prop_assert_eq!(again.is_mended(seq), whole.is_mended(seq));
            let is_mended = whole.record_status(seq) != RecordStatus::NONE;
            prop_assert_eq!(whole.is_mended(seq), is_mended);
        }
        assert_bounds(&again);
        assert_bounds(&whole);
        prop_assert_eq!(&again, &whole);
        // Beyond the snapshot too.
        let back = back % (history.len() + 1);
        prop_assert_eq!(again.rewind(back as u64), Ok(()));
        prop_assert_eq!(&again, &state(&history[..back]));
    }

    /// What carries check sums that fit may be forged; it must be gone through to an end.
    #[test]
    fn any_image_is_none_or_a_state_that_answers(
        history in histories(1..60),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let bytes = forged(&state(&history).to_bytes(), &changes);
        if let Some(forged) = opened(bytes, None, &history) {
            exercise(forged, &history);
        }
    }
}
