//! What comes from elsewhere, into fields of events: NDJSON here, foreign tables later. One file a format.

pub mod ndjson;
pub mod template;
