//! Pages for people: rendered here, whole without a script. A file for each kind of page.

mod dossiers;
mod fields;
mod form;
mod layout;
mod lists;
mod login;
mod overview;
mod preview;
mod record;
mod reports;
mod tables;
mod verify;

pub use layout::error;
pub use login::{session_id, to_login};

use crate::exchange::Route;

/// The routes of pages.
pub const ROUTES: &[&[Route]] = &[
    overview::ROUTES,
    lists::ROUTES,
    dossiers::ROUTES,
    reports::ROUTES,
    record::ROUTES,
    login::ROUTES,
    verify::ROUTES,
    layout::ROUTES,
];
