//! Pages for people: rendered here, whole without a script. A file for each kind of page.

mod batch;
mod calendar;
mod documents;
mod dossiers;
mod fields;
mod form;
mod layout;
mod lists;
mod login;
mod overview;
mod preview;
mod record;
mod redaction;
mod reports;
mod saving;
mod signing;
mod tables;
mod verify;

pub use calendar::{basic_token, is_feed};
pub use layout::error;
pub use login::{session_id, to_login};

use crate::exchange::Route;

/// The routes of pages.
pub const ROUTES: &[&[Route]] = &[
    overview::ROUTES,
    lists::ROUTES,
    calendar::ROUTES,
    dossiers::ROUTES,
    reports::ROUTES,
    record::ROUTES,
    batch::ROUTES,
    documents::ROUTES,
    redaction::ROUTES,
    login::ROUTES,
    verify::ROUTES,
    layout::ROUTES,
];
