//! Records that are missing or misplaced.

use super::*;

#[test]
fn a_removed_record_is_missing() {
    for seq in 0..13 {
        let findings = found_after(|records| drop(records.remove(seq)));
        assert_eq!(findings, [(Missing, vec![seq as u64])]);
    }
    let findings = found_after(|records| drop(records.drain(2..7)));
    assert_eq!(findings, [(Missing, vec![2, 6])]);
}

#[test]
fn swapped_records_are_misplaced() {
    for (one, other) in [(1, 7), (2, 4), (0, 12), (3, 11)] {
        let findings = found_after(|records| records.swap(one, other));
        let (one, other) = (one as u64, other as u64);
        assert_eq!(
            findings,
            [(Misplaced, vec![one, other]), (Misplaced, vec![other, one])],
            "{one} {other}"
        );
    }
    for one in 0..12 {
        let findings = found_after(|records| records.swap(one, one + 1));
        let other = one as u64 + 1;
        assert_eq!(findings, [(Misplaced, vec![other]), (Missing, vec![other])]);
    }
}

#[test]
fn a_record_too_many_is_misplaced() {
    for seq in 0..13 {
        for at in 0..=13 {
            let findings = found_after(|records| records.insert(at, records[seq].clone()));
            let expected = [(Misplaced, vec![seq as u64])];
            assert_eq!(findings, expected, "a copy of {seq} at {at}");
        }
    }
}
