//! What can be done with an event that was asked for: take it, change it, leave it out.

use servanda_core::event::{FieldSpec, Kind};
use servanda_core::words::plural;

use super::field::title;
use super::preview::preview;
use super::{Choice, Desktop, Ended, Made, Stop};

/// What is done with a form.
pub(super) enum Act {
    Take(Ended),
    Field(&'static FieldSpec),
    Drop,
}

/// The same, before the field is chosen.
enum Answer {
    Act(Act),
    OtherField,
}

impl Desktop<'_> {
    /// Shows what the form says, and what is wrong with it.
    pub(super) fn show(&mut self, made: &Made) {
        let mut lines = vec![String::new()];
        if let Some(event) = &made.event {
            lines.extend(preview(&self.state, event, self.setting.today));
        }
        for wrong in &made.wrong {
            lines.push(format!("! {}: {}", wrong.field, wrong.message));
        }
        if let Some(refused) = &made.refused {
            lines.push(format!("! {refused}"));
        }
        self.prompt.say(&lines.join("\n"));
    }

    /// Asks what is done with the form.
    pub(super) fn act(&mut self, made: &Made, is_inner: bool) -> Result<Act, Stop> {
        let kind = self.form().kind;
        let is_accepted = made.event.is_some() && made.refused.is_none();
        let act = |label: &str, act| (Choice::always(label), Answer::Act(act));
        let mut answers = Vec::new();
        match (is_accepted, is_inner) {
            (true, true) => answers.push(act("take it and go on", Act::Take(Ended::More))),
            (true, false) => {
                let record = match self.batch.len() {
                    0 => "record it now".to_owned(),
                    count => format!("record it now, with the {} before", plural(count, "event")),
                };
                let more = "keep it, and add another event to the same save";
                answers.push(act(&record, Act::Take(Ended::Record)));
                answers.push(act(more, Act::Take(Ended::More)));
            }
            (false, _) => answers.extend(self.mends(made)),
        }
        answers.push((Choice::always("change or add a field"), Answer::OtherField));
        answers.push(act("leave this event out", Act::Drop));
        let question = match is_accepted {
            true => "Is it right?",
            false => "It cannot be recorded so. What then?",
        };
        match self.pick(question, "", answers)? {
            Answer::Act(act) => Ok(act),
            Answer::OtherField => self.other_field(kind).map(Act::Field),
        }
    }

    /// What may mend an event that cannot be recorded: the fields that are wrong, or a reason to record it all the same.
    fn mends(&self, made: &Made) -> Vec<(Choice, Answer)> {
        let kind = self.form().kind;
        let wrong = made
            .wrong
            .iter()
            .filter_map(|wrong| kind.field(&wrong.field));
        let blamed = self.blamed(made);
        let mut mends: Vec<(Choice, Answer)> = wrong
            .chain(blamed)
            .map(|field| {
                let verb = match self.fields().get(field.name) {
                    [] => "give",
                    _ => "change",
                };
                let label = format!("{verb} {}: {}", title(field), field.help());
                (Choice::always(label), Answer::Act(Act::Field(field)))
            })
            .collect();
        let refused = made.refused.as_ref();
        let irregular = refused
            .filter(|refused| refused.rule.is_waivable())
            .and_then(|_| kind.field("irregular"));
        if let Some(field) = irregular {
            let label = "it was reported all the same: record it as irregular, with a reason";
            mends.push((Choice::always(label), Answer::Act(Act::Field(field))));
        }
        mends
    }

    /// Asks for one of all fields, those that say something first.
    fn other_field(&mut self, kind: Kind) -> Result<&'static FieldSpec, Stop> {
        let fields = kind
            .fields()
            .filter(|field| !field.is_filled() || kind.spec().change.is_none());
        let (filled, empty): (Vec<&FieldSpec>, Vec<&FieldSpec>) =
            fields.partition(|field| !self.fields().get(field.name).is_empty());
        let filled = filled.into_iter().map(|field| {
            let texts = self.fields().get(field.name).join("; ");
            (Choice::new(format!("{}: {texts}", title(field))), field)
        });
        let empty = empty.into_iter().map(|field| {
            let label = format!("{} ({})", title(field), field.help());
            (Choice::new(label), field)
        });
        let answers = filled.chain(empty).collect();
        self.pick("Which field?", "", answers)
    }
}
