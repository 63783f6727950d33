use super::context::Context;
use super::declare::event;
use super::envelope::Envelope;
use super::field::FieldError;
use super::meaning::Meaning;
use super::phrase::after_colon;
use crate::value::base::Text;

event! {
    /// The ledger was opened: always record 0, and only there.
    [opens local fixed timeless] 0 "ledger" LedgerOpened {
        /// The ledger's name for life, such as a domain and path: example.org/joint-commission
        [arg] origin: Text,
        /// What the ledger is for
        purpose: Option<Text>,
    } example r#"
        {"origin": "example.org/joint-commission", "purpose": "what the two countries promised each other"}
    "#
}

impl Meaning for LedgerOpened {
    fn problems(&self, _: &Envelope, errors: &mut Vec<FieldError>) {
        // Checkpoints of the ledger go by this name. C2SP signed-note allows neither.
        let origin = self.origin.as_str();
        if origin.contains(|c: char| c.is_whitespace() || c == '+') {
            errors.push(FieldError::new("origin", "has a space or a `+`"));
        }
    }

    fn sentence(&self, _: &Envelope, _: &dyn Context) -> String {
        let purpose = after_colon(self.purpose.as_ref());
        format!("the ledger {} was opened{purpose}", self.origin)
    }
}
