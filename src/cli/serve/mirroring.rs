//! A server that shows what is published somewhere else.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::cli::error::{CliError, Exit};
use crate::cli::mirror::{Mirror, Trust};
use crate::cli::session::{OpenLedger, Session};
use servanda_log::Location;
use servanda_serve::Service;

/// How often to look what is published.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Opens the ledger; where it shows what is published somewhere else, as a copy of that.
pub(super) fn opened(
    from: Option<Location>,
    trust: &Trust,
    session: &Session,
) -> Result<(OpenLedger, Option<Mirror>), CliError> {
    let Some(from) = from else {
        return Ok((session.open_to_serve()?, None));
    };
    let location = session.location()?;
    let dir = location.directory().ok_or_else(|| {
        let message = format!("{location} is no directory, and a replica has one");
        CliError::new(Exit::Usage, message).hint("name a directory with --ledger")
    })?;
    let mirror = Mirror::new(from, dir, trust)?;
    Ok((mirror.open_or_make(session)?, Some(mirror)))
}

/// Takes over now and then what is published more, until the ledger is closed. What is refused is logged once.
pub(super) fn follow(
    service: &Arc<Service>,
    mirror: Mirror,
    log: impl Fn(&str) + Send + 'static,
) -> Result<(), CliError> {
    let (service, mirror) = (Arc::clone(service), Arc::new(mirror));
    let (mut last, mut said) = (None, String::new());
    let mut look = move || {
        let followed = mirror.news(&mut last).and_then(|news| {
            let Some(news) = news else {
                return Ok(true);
            };
            let mirror = Arc::clone(&mirror);
            match service.visit(move |ledger| mirror.take(ledger, &news)) {
                Ok(taken) => taken.map(|_| true),
                Err(_) => Ok(false),
            }
        });
        match followed {
            Ok(goes_on) => {
                said.clear();
                goes_on
            }
            Err(error) => {
                if matches!(error.exit, Exit::Refused | Exit::Unreachable) {
                    // The place could not be read: it is tried again.
                    last = None;
                }
                let text = std::iter::once(&error.message).chain(&error.details);
                let text = text.map(String::as_str).collect::<Vec<_>>().join("; ");
                if text != said {
                    log(&serde_json::json!({"mirror": text}).to_string());
                    said = text;
                }
                true
            }
        }
    };
    let look = move || {
        while look() {
            thread::sleep(LOOK_EVERY);
        }
    };
    let thread = thread::Builder::new().name("servanda-mirror".into());
    let started = thread.spawn(look).map(drop);
    started.map_err(|error| CliError::refused(format!("cannot start a thread: {error}")))
}
