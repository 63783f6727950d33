use super::declare::event;
use crate::value::agreement::AgreementStatus;
use crate::value::id::AgreementId;

event! {
    /// An agreement's status changed: it entered into force, was suspended, ended.
    7 "agreement-status" AgreementStatusChanged {
        /// The agreement
        [arg] agreement: AgreementId,
        /// Its status from now on
        [arg] to: AgreementStatus,
    }
}
