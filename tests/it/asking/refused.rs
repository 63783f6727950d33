//! A command that says everything and that a rule refuses: on a terminal, what is allowed is asked for, and nothing that was
//! typed is lost; elsewhere it is an error.

use super::drafts::{count, drafts, pact};
use super::secretary::Secretary;

/// Words that a rule refuses, the question that is asked again, the answer, and what is then recorded.
struct Refused {
    words: &'static [&'static str],
    why: &'static str,
    question: &'static str,
    offered: &'static str,
    not_offered: &'static str,
    answers: &'static [&'static str],
    recorded: &'static str,
}

const REFUSED: &[Refused] = &[
    Refused {
        words: &[
            "status",
            "C1",
            "expired",
            "--by",
            "moda",
            "--on",
            "2024-01-01",
        ],
        why: "C1 is agreed, and does not go from there to expired",
        question: "to:",
        offered: "claimed",
        not_offered: "expired",
        answers: &["claimed"],
        recorded: "C1 went from agreed to claimed, says Moda",
    },
    Refused {
        words: &["status", "C1", "claimed", "--by", "modb"],
        why: "modb cannot assert it",
        question: "by:",
        offered: "Moda (moda), who may say so",
        not_offered: "(modb)",
        answers: &["(moda)", ""],
        recorded: "C1 went from agreed to claimed, says Moda",
    },
    Refused {
        words: &[
            "status", "C1", "claimed", "--by", "moda", "--debtor", "modb",
        ],
        why: "modb does not owe C1",
        question: "debtor:",
        offered: "(moda)",
        not_offered: "(modb)",
        answers: &["(moda)", ""],
        recorded: "C1 went from agreed to claimed, says Moda",
    },
    Refused {
        words: &["party", "moda", "--kind", "state", "--name", "Another"],
        why: "moda already names the party of record 1",
        question: "id: (another) moda",
        offered: "",
        not_offered: "record 1",
        answers: &["-2"],
        recorded: "party: Another (moda-2) was registered as a state",
    },
    Refused {
        words: &["contest", "C1", "settled", "--by", "moda", "--text", "no"],
        why: "settled",
        question: "to:",
        offered: "claimed",
        not_offered: "settled",
        answers: &["claimed"],
        recorded: "the contest about C1 began as claimed, says Moda: no",
    },
    Refused {
        words: &[
            "status",
            "C1",
            "claimed",
            "--by",
            "moda",
            "--on",
            "2020-01-01",
        ],
        why: "before",
        question: "on: 2020-01-01",
        offered: "",
        not_offered: "",
        answers: &["\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}2024-02-01"],
        recorded: "C1 went from agreed to claimed, says Moda",
    },
];

#[test]
fn what_a_rule_refuses_is_asked_for_again() {
    for refused in REFUSED {
        let scratch = pact();
        let words = [&["record"], refused.words].concat();
        scratch.run(&words).fails(1, &[refused.why]);
        assert_eq!(count(&scratch), 5);
        let mut secretary = Secretary::runs(&scratch, &words);
        let mut question = refused.question.to_owned();
        for (at, answer) in refused.answers.iter().enumerate() {
            let (before, asked) = secretary.answers(&question, answer);
            if at == 0 {
                assert!(before.contains(refused.why), "{words:?}: {before}");
                assert!(asked.contains(refused.offered), "{words:?}: {asked}");
                let is_offered =
                    !refused.not_offered.is_empty() && asked.contains(refused.not_offered);
                assert!(!is_offered, "{words:?}: {asked}");
            }
            question = format!("another {}", refused.question);
        }
        secretary.answers("Is it right?", "record it now");
        let receipts = secretary.has_recorded();
        assert!(receipts.contains(refused.recorded), "{words:?}: {receipts}");
        assert!(drafts(&scratch).is_empty());
    }
}
