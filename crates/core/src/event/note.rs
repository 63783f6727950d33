use super::declare::event;
use crate::value::base::Text;
use crate::value::id::Subject;

event! {
    /// A recorder's note.
    [erasable] 18 "note" Noted {
        /// The note
        text: Text,
        /// What it is about
        about: Vec<Subject>,
    }
}
