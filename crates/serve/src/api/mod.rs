//! The API for programs: `/api/v1`. A file for each part, and the table of its routes.

mod cells;
mod entities;
mod events;
mod openapi;
mod records;
mod reports;
mod tree;

pub use events::{RECORDING, tell};

use crate::exchange::Route;

/// The routes of the API.
pub const ROUTES: &[&[Route]] = &[
    events::ROUTES,
    records::ROUTES,
    entities::ROUTES,
    reports::ROUTES,
    tree::ROUTES,
    openapi::ROUTES,
];
