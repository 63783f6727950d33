//! What the words mean that reports print. Help shows this list, and docs/reports.md has it.

/// Words that stand in the same place.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// Where they stand.
    pub of: &'static str,
    /// Each with its meaning.
    pub all: &'static [(&'static str, &'static str)],
}

/// Every word that a report prints as an answer.
pub const GLOSSARY: &[Words] = &[
    Words {
        of: "where a commitment, or one of its debtors, stands (`standing`)",
        all: &[
            ("proposed", "put forward, not agreed"),
            ("conditional", "agreed, waiting for its condition"),
            ("agreed", "agreed; not yet known to be in force"),
            ("active", "in force"),
            ("suspended", "set aside for a time"),
            (
                "claimed",
                "its debtor says that it was kept; nobody answered",
            ),
            (
                "partial",
                "kept in part, as was accepted or found; the rest is owed",
            ),
            ("fulfilled", "kept, as was accepted or found"),
            (
                "breached",
                "declared breached; the clock alone breaches nothing",
            ),
            ("waived", "the creditor gave up the right"),
            ("released", "the creditor freed the debtor"),
            ("cancelled", "the debtor withdrew"),
            ("expired", "ended by its own terms"),
            ("superseded", "a later commitment took its place"),
        ],
    },
    Words {
        of: "whether that is argued about (`contest`)",
        all: &[
            ("none", "nobody argues"),
            ("claimed", "one side says that something is wrong"),
            ("disputed", "the other side denies it"),
            ("settled", "they argue no more"),
        ],
    },
    Words {
        of: "what the calendar says of it, and why it wants attention (`due`, `state`)",
        all: &[
            ("overdue", "past its deadline, and a debtor still owes it"),
            (
                "grace",
                "the same, for no more days than were given as grace",
            ),
            (
                "contested",
                "argued about, and no debtor owes it as it stands",
            ),
            (
                "breached",
                "a debtor breached it, with any deadline or none",
            ),
            ("soon", "due within the days that were asked for"),
            ("later", "due after that"),
            (
                "waiting",
                "due so long after what is not known to have happened",
            ),
            ("undated", "nothing says by when"),
            ("recurring", "to be kept by a rule"),
            ("continuing", "to be kept at all times"),
            ("not owed", "no debtor owes it as it stands"),
            ("silent", "live, and nothing was heard of it for long"),
            ("lapsed", "owed, were its agreement not ended or suspended"),
            ("agreement ended", "live, though its agreement has ended"),
            (
                "agreement suspended",
                "live, though its agreement is suspended",
            ),
        ],
    },
    Words {
        of: "what became of a day of a rule (`occurrences`)",
        all: &[
            ("held", "an occurrence is recorded for it"),
            (
                "missed",
                "it passed, and none is recorded; that is no breach",
            ),
            (
                "grace",
                "it passed, for no more days than were given as grace",
            ),
            ("next", "it is to come"),
        ],
    },
    Words {
        of: "where an agreement stands (`status`)",
        all: &[
            ("concluded", "what its recording says"),
            ("provisional", "applied before it is in force"),
            ("in-force", "in force"),
            ("suspended", "set aside for a time"),
            ("resumed", "in force again after a suspension"),
            ("amended", "in force as amended"),
            ("superseded", "replaced by a later agreement"),
            ("terminated", "ended"),
        ],
    },
    Words {
        of: "where a party stands to an agreement (`matrix`)",
        all: &[
            ("in force", "bound by it"),
            (
                "suspended",
                "would be bound, but the agreement is suspended",
            ),
            ("withdrawing", "gave notice, which has not taken effect"),
            (
                "consented",
                "consented; nothing says that this has taken effect",
            ),
            ("provisional", "applies it provisionally"),
            ("signed", "signed, subject to consent"),
            ("withdrawn", "left"),
            (
                "ended",
                "the agreement ended, and the party had not left before",
            ),
            (
                "named",
                "named as a party; nothing is recorded of what it did",
            ),
            ("other", "did something else: a declaration, an objection"),
        ],
    },
    Words {
        of: "what is counted, and among what (`rates`)",
        all: &[
            ("live", "something is owed of it, or may yet come to be"),
            (
                "lapsed",
                "of the live, those whose agreement ended or is suspended",
            ),
            (
                "owed",
                "owed and not taken away since, with any deadline or none",
            ),
            ("due", "of the owed, those whose deadline has passed"),
            (
                "due soon",
                "of the live, those due within the days asked for",
            ),
            ("expected", "the days of rules that have passed"),
            ("assessed", "an assessor looked at it"),
            (
                "no evidence found",
                "some assessor found nothing to judge by",
            ),
            (
                "verified",
                "an arbiter or assessor looked at it, whatever was found",
            ),
            ("differs", "where each debtor stands, if they differ"),
        ],
    },
    Words {
        of: "what is special about a record (`flags`)",
        all: &[
            ("irregular", "it breaks a rule, with the reason given"),
            ("inferred", "the recorder inferred these fields"),
            ("corrected", "a later record corrected it"),
            ("retracted", "a later record took it back"),
            ("redacted", "its content is withheld"),
            ("asserted", "its recorded time is the recorder's word"),
            ("not yet", "it had not happened on that day"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use servanda_core::value::agreement::AgreementStatus;
    use servanda_core::value::base::Leaf as _;
    use servanda_core::value::commitment::{Contest, Standing};

    use super::super::rates::Tally;
    use super::super::{due, occurrences, participation};
    use super::*;

    /// The words of the list that stand in a place of this name.
    fn listed(place: &str) -> Vec<&'static str> {
        let place = format!("`{place}`");
        let mut found = GLOSSARY.iter().filter(|words| words.of.contains(&place));
        let found = found.next().unwrap_or_else(|| panic!("{place}"));
        found.all.iter().map(|(word, _)| *word).collect()
    }

    #[test]
    fn every_word_of_an_answer_is_explained() {
        let states = participation::State::ALL.map(|state| state.word().0.to_owned());
        let rates = Tally::default().rates().into_iter();
        let standings: Vec<String> = Standing::ALL.iter().map(ToString::to_string).collect();
        let said_elsewhere = ["commitment", "record"];
        let rates = rates.flat_map(|rate| [rate.name.to_owned(), rate.denominator.to_owned()]);
        for (place, words) in [
            ("standing", standings.clone()),
            (
                "contest",
                Contest::WORDS.iter().map(ToString::to_string).collect(),
            ),
            (
                "status",
                AgreementStatus::WORDS
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            ),
            ("matrix", states.to_vec()),
            ("state", due::words()),
            ("occurrences", occurrences::words()),
            ("rates", rates.collect()),
        ] {
            let mut known = listed(place);
            if place == "rates" {
                known.extend(listed("standing"));
                known.extend(listed("state"));
                known.extend(listed("occurrences"));
            }
            for word in words {
                assert!(
                    known.contains(&word.as_str()) || said_elsewhere.contains(&word.as_str()),
                    "{place}: {word}"
                );
            }
        }
    }

    /// The list as docs/reports.md has it.
    fn page() -> String {
        let mut page = String::new();
        for Words { of, all } in GLOSSARY {
            page.push_str(&format!("\n{}{}:\n\n", of[..1].to_uppercase(), &of[1..]));
            page.push_str("| word | meaning |\n|---|---|\n");
            for (word, meaning) in *all {
                page.push_str(&format!("| *{word}* | {meaning} |\n"));
            }
        }
        page
    }

    #[test]
    fn the_page_has_the_list() {
        let documented = include_str!("../../../../docs/reports.md");
        let page = page();
        assert!(
            documented.contains(page.trim()),
            "docs/reports.md, under Words, should have:\n{page}"
        );
    }
}
