//! What a party signs with its own key to acknowledge a record. The key stays with the party: the script of the form signs
//! with a key file that no form sends, or the party signs elsewhere and pastes the signature.

use maud::{Markup, html};

use servanda_core::chain::record::{Record, acknowledgement_message};
use servanda_core::event::{Fields, Kind};
use servanda_core::value::id::Seq;
use servanda_log::Log as _;

use crate::exchange::Exchange;
use crate::shared::Snapshot;

/// The fields that decide what is signed: they are asked for first.
pub const DECISIVE: [&str; 2] = ["record", "party"];

/// What is signed, and how.
pub fn shown(exchange: &Exchange<'_>, snapshot: &Snapshot, kind: Kind, fields: &Fields) -> Markup {
    let given = DECISIVE.map(|field| fields.get(field).first());
    let ([Some(record), Some(party)], Kind::Acknowledged) = (given, kind) else {
        return html! {};
    };
    let message = message(exchange, snapshot, record, party);
    html! {
        section.signing aria-labelledby="signing" {
            h2 #signing { "What the party signs" }
            @if let Some(message) = message {
                pre #signed tabindex="0" aria-label="What is signed" { (message) }
                p { "These five lines, each with its end, as "
                    a href={ "/records/" (record) } { "record " (record) } " is now. The signature is Ed25519, in base64." }
                p.by-script hidden {
                    label for="key-file" { "Sign in this browser with the file of the party's key" }
                    input #key-file type="file";
                    span.quiet { "It is read here and not sent. " }
                    output for="key-file" aria-live="polite" {}
                }
                p.quiet { "On the command line, " b { "acknowledge" } " signs and records it in one step." }
            } @else {
                p.wrong { "There is no such record." }
            }
        }
    }
}

fn message(
    exchange: &Exchange<'_>,
    snapshot: &Snapshot,
    record: &str,
    party: &str,
) -> Option<String> {
    let seq: Seq = record.parse().ok()?;
    let found = snapshot.log().read(seq.0, 1).ok()?;
    let stored = found.first().filter(|stored| stored.seq == seq.0)?;
    let link = Record::open(&stored.sealed).ok()?.header.link();
    let origin = exchange.context.shared.origin();
    String::from_utf8(acknowledgement_message(origin, party, seq.0, link)).ok()
}
