//! What a mistyped word may have meant.

/// Most suggestions for one word.
const MOST: usize = 3;

/// How alike two words must be, from 0 to 1.
const ALIKE: f64 = 0.6;

/// The candidates that are most like a word, the nearest first; none where no candidate is.
pub fn near<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<String> {
    let word = word.to_lowercase();
    let mut found: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (likeness(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    found.sort_by(|(one, first), (other, second)| other.total_cmp(one).then(first.cmp(second)));
    found.dedup_by(|one, other| one.1 == other.1);
    let nearest = found.into_iter().take(MOST);
    nearest.map(|(_, candidate)| candidate.to_owned()).collect()
}

/// How alike two words are. One that is a part of the other is alike enough.
fn likeness(word: &str, candidate: &str) -> f64 {
    let distance = strsim::normalized_damerau_levenshtein(word, candidate);
    let is_part = word.len() >= 3
        && candidate.len() >= 3
        && (candidate.contains(word) || word.contains(candidate));
    // Of short ids one letter is much.
    let is_near = word.len() > 1 && strsim::damerau_levenshtein(word, candidate) == 1;
    if is_part || is_near {
        distance.max(ALIKE)
    } else {
        distance
    }
}

/// The end of a message that suggests words: `; did you mean moda or modb?`. Empty without any.
pub fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [first @ .., last] => format!("; did you mean {} or {last}?", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_words_find_what_was_meant() {
        let ids = ["moda", "modb", "colombia", "C1", "C2"];
        assert_eq!(near("modz", ids), ["moda", "modb"]);
        assert_eq!(near("colmbia", ids), ["colombia"]);
        assert_eq!(near("Colombai", ids), ["colombia"]);
        assert_eq!(near("deadlin", ["deadline", "debtor"]), ["deadline"]);
        assert_eq!(near("overdue", ["status", "due", "party"]), ["due"]);
        assert_eq!(near("C9", ids), ["C1", "C2"]);
        assert!(near("cedar", ["ash", "birch"]).is_empty());
        assert!(near("edit", ["redact", "export"]).is_empty());
    }

    #[test]
    fn suggestions_are_the_end_of_a_message() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(did_you_mean(&[]), "");
        assert_eq!(did_you_mean(&words(&["a"])), "; did you mean a?");
        assert_eq!(
            did_you_mean(&words(&["a", "b", "c"])),
            "; did you mean a, b or c?"
        );
    }
}
