//! Drafts that were left: the user goes on with one of them, or begins anew.

use servanda_core::value::base::excerpt;
use servanda_core::words::plural;

use super::{Choice, Form, Prompt, Stop};

/// A draft that was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// When it was written last, for people.
    pub when: String,
    /// What was answered.
    pub forms: Vec<Form>,
}

impl Left {
    /// What it holds, on one line.
    fn summary(&self) -> String {
        let unfinished = self.forms.iter().find(|form| form.is_open);
        let told = unfinished.or_else(|| self.forms.last());
        let told = told.map(|form| {
            let typed = form.typed.iter().map(|(_, text)| text.as_str());
            let texts = form.fields.iter().flat_map(|(_, texts)| texts);
            let texts: Vec<&str> = texts.map(String::as_str).chain(typed).collect();
            format!("{}: {}", form.kind, excerpt(&texts.join("; ")))
        });
        let told = told.unwrap_or_default();
        match self.forms.len() {
            0 | 1 => format!("{told} ({})", self.when),
            count => format!(
                "{told} and {} more ({})",
                plural(count - 1, "event"),
                self.when
            ),
        }
    }
}

/// Asks what becomes of drafts that were left. Gives the place of the one to go on with, or none to begin anew; removes
/// those that the user throws away by `remove`.
///
/// # Errors
/// [`Stop::Interrupted`] and [`Stop::Failed`].
pub fn resumed(
    prompt: &mut dyn Prompt,
    left: &[Left],
    mut remove: impl FnMut(usize),
) -> Result<Option<usize>, Stop> {
    #[derive(Clone, Copy)]
    enum Answer {
        GoOn(usize),
        Anew,
        ThrowAway,
    }
    let mut there: Vec<usize> = (0..left.len()).collect();
    while !there.is_empty() {
        let them = if there.len() == 1 { "it" } else { "them" };
        let summaries: Vec<(usize, String)> =
            there.iter().map(|at| (*at, left[*at].summary())).collect();
        let mut answers: Vec<(Choice, Answer)> = summaries
            .iter()
            .map(|(at, summary)| {
                let go_on = Choice::new(format!("go on with {summary}"));
                (go_on, Answer::GoOn(*at))
            })
            .collect();
        let anew = format!("begin anew, and keep {them} for later");
        answers.push((Choice::always(anew), Answer::Anew));
        answers.push((Choice::always("throw one away"), Answer::ThrowAway));
        let question = format!("You left {}. Go on?", plural(there.len(), "draft"));
        let (choices, meanings): (Vec<Choice>, Vec<Answer>) = answers.into_iter().unzip();
        match prompt.choose(&question, "", &choices) {
            Err(Stop::Back) => return Ok(None),
            Err(stop) => return Err(stop),
            Ok(chosen) => match meanings[chosen] {
                Answer::GoOn(at) => return Ok(Some(at)),
                Answer::Anew => return Ok(None),
                Answer::ThrowAway => {
                    if let Some(at) = thrown_away(prompt, &summaries)? {
                        remove(at);
                        there.retain(|other| *other != at);
                    }
                }
            },
        }
    }
    Ok(None)
}

/// Asks which draft is thrown away; none of them, if that was not meant.
fn thrown_away(
    prompt: &mut dyn Prompt,
    summaries: &[(usize, String)],
) -> Result<Option<usize>, Stop> {
    let none = Choice::always("none of them");
    let each = summaries.iter().map(|(_, summary)| Choice::new(summary));
    let choices: Vec<Choice> = std::iter::once(none).chain(each).collect();
    match prompt.choose("Which one is not wanted any more?", "", &choices) {
        Ok(0) | Err(Stop::Back) => Ok(None),
        Ok(chosen) => Ok(summaries.get(chosen - 1).map(|(at, _)| *at)),
        Err(stop) => Err(stop),
    }
}
