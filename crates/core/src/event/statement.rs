use super::declare::event;
use crate::value::base::Text;
use crate::value::id::Subject;

event! {
    /// A statement was made; it binds nobody.
    [erasable] 16 "statement" StatementRecorded {
        /// What was said, in own words or quoted
        text: Text,
        /// What it is about
        about: Vec<Subject>,
    }
}
