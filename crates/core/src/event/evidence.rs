use super::declare::event;
use crate::value::base::Text;
use crate::value::id::Subject;
use crate::value::source::Bearing;

event! {
    /// A source was attached as evidence for or against something.
    [erasable] 17 "evidence" EvidenceAttached {
        /// What it is evidence about
        [arg] about: Subject,
        /// Which way it points
        [arg] bearing: Bearing,
        /// What it shows
        text: Option<Text>,
    }
}
