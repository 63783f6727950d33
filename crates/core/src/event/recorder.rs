use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::meaning::Meaning;
use crate::value::base::Text;
use crate::value::id::RecorderId;

event! {
    /// A recorder was admitted with a key.
    [fixed] 22 "recorder" RecorderAdmitted {
        /// The id to know the recorder by
        [arg id] id: RecorderId,
        /// The recorder's public key, as a vkey string of C2SP signed-note
        key: Text,
        /// The recorder's name
        name: Option<Text>,
    } example r#"
        {"id": "alice", "key": "alice+bda306b5+AQf8U/X0RMOf0l4vYgxAiJh1Lzn0Q4x9W3KjJVNat4Go",
         "name": "Alice"}
    "#
}

impl Meaning for RecorderAdmitted {
    fn sentence(&self, _: &Envelope, _: &dyn Context) -> String {
        let who = match &self.name {
            Some(name) => format!("{name} ({})", self.id),
            None => self.id.to_string(),
        };
        format!(
            "{who} was admitted as a recorder, with the key {}",
            self.key
        )
    }
}
