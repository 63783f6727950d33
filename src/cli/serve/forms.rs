//! The texts of forms.

use chrono::NaiveDate;

use crate::cli::session::Session;
use crate::desk::names::Names;
use crate::desk::reading::Desk;
use servanda_core::event::{Fields, Kind};
use servanda_core::state::State;
use servanda_serve::{Typed, TypedWrong};

/// Reads the texts of forms as the command line reads those of its options.
pub(super) struct PeoplesDesk;

impl servanda_serve::Desk for PeoplesDesk {
    fn today(&self) -> NaiveDate {
        Session::today()
    }

    fn read(&self, state: &State, kind: Kind, typed: &Fields) -> Result<Typed, Vec<TypedWrong>> {
        let desk = Desk {
            names: Some(Names::new(state)),
            today: Session::today(),
            zone: Session::zone(),
        };
        let read = desk.read(kind, typed, &[]);
        let event = desk.event(kind, &read).map_err(|wrong| {
            let wrong = wrong.into_iter().map(|wrong| TypedWrong {
                field: wrong.field,
                message: wrong.message,
            });
            wrong.collect::<Vec<_>>()
        })?;
        Ok(Typed {
            event,
            said: read.said,
        })
    }
}
