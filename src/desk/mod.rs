//! What a person fills in: the template for an editor.

pub mod template;
