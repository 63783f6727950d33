//! The documents of sources: kept, opened again, and destroyed.

use maud::{Markup, html};

use servanda_core::event::{Change, Fields, Kind};
use servanda_core::rules::Known as _;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::Digest;
use servanda_core::value::id::{Seq, Slug};
use servanda_http::Reply;
use servanda_ledger::documents::{DOCUMENT_BYTES, digest_of, named};

use super::login::redirect;
use super::record::{recorded_by, show};
use super::saving::hidden;
use crate::access::Needs;
use crate::exchange::{Answered, Exchange, Route, head};
use crate::problem::{Problem, Wrong};
use crate::submit::{Batch, submit};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::page(
        Needs::Read,
        "GET",
        "/sources/{id}/document",
        "The document of a source, if it is kept beside the ledger",
        open,
    ),
    Route::page(
        Needs::Record,
        "POST",
        "/sources/{id}/document",
        "Keeps the document of a source",
        keep,
    ),
    Route::page(
        Needs::Erase,
        "GET",
        "/sources/{id}/document/destroy",
        "Asks why a document is to be destroyed",
        ask,
    ),
    Route::page(
        Needs::Erase,
        "POST",
        "/sources/{id}/document/destroy",
        "Asks again, and destroys a document",
        destroy,
    ),
];

/// The field of a form that takes a file.
const FILE: &str = "document";

/// A source whose document is meant: its record, its id and the digest.
struct Meant {
    seq: Seq,
    id: Slug,
    digest: Digest,
}

fn meant(exchange: &Exchange<'_>, state: &State) -> Result<Meant, Problem> {
    let nothing = || Problem::not_found(format!("no document of {} is known", exchange.segment()));
    let id: Slug = exchange.segment().parse().map_err(|_| nothing())?;
    let (_, seq) = state
        .entity(&id)
        .filter(|(kind, _)| *kind == EntityKind::Source)
        .ok_or_else(nothing)?;
    let digest = digest_of(state, &id).ok_or_else(nothing)?;
    Ok(Meant { seq, id, digest })
}

/// The ending of a name, and the media type, by the first bytes of a document.
fn ending(bytes: &[u8]) -> (&'static str, &'static str) {
    const KNOWN: &[(&[u8], &str, &str)] = &[
        (b"%PDF-", ".pdf", "application/pdf"),
        (b"\x89PNG\r\n", ".png", "image/png"),
        (b"\xff\xd8\xff", ".jpg", "image/jpeg"),
        (b"PK\x03\x04", ".zip", "application/zip"),
    ];
    let found = KNOWN.iter().find(|(start, ..)| bytes.starts_with(start));
    found.map_or(("", "application/octet-stream"), |(_, ending, media)| {
        (ending, media)
    })
}

/// Gives the bytes to be saved. A browser shows nothing of them in the name of this server, whatever they are.
fn open(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let meant = meant(exchange, &asked.state)?;
    let bytes = exchange.documents()?.read(&meant.digest)?;
    let bytes = bytes.ok_or_else(|| {
        Problem::not_found(format!("the document of {} is kept elsewhere", meant.id))
    })?;
    let (ending, media_type) = ending(&bytes);
    let name: String = meant.id.to_string();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let head = head(200, media_type)
        .with(
            "content-security-policy",
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        )
        .with(
            "content-disposition",
            format!("attachment; filename=\"{name}{ending}\""),
        )
        .with("etag", format!("\"{}\"", meant.digest))
        .with("cache-control", "private, no-store");
    reply.send(head, bytes);
    Ok(())
}

/// What the page of a source says about its document.
pub fn about(exchange: &Exchange<'_>, state: &State, id: &Slug) -> Markup {
    let documents = exchange.context.options.documents.as_ref();
    let (Some(digest), Some(documents)) = (digest_of(state, id), documents) else {
        return html! {};
    };
    let size = documents.size(&digest);
    html! {
        section.document {
            h2 { "The document" }
            @match size {
                Some(size) => p {
                    a href={ "/sources/" (id) "/document" } download { "Save the document" } " " span.quiet { "(" (size) " bytes)" } ". "
                    "It is compared with the digest of the source each time."
                    @if exchange.may(Needs::Erase) { " " a href={ "/sources/" (id) "/document/destroy" } { "Destroy it" } "." }
                },
                None if exchange.may(Needs::Record) => form.stacked method="post" action={ "/sources/" (id) "/document" } enctype="multipart/form-data" {
                    (hidden(exchange))
                    label for="document" { "It is kept elsewhere. Do you have it?" }
                    p.help #document-help { "Only the file with the digest of the source is taken; up to " (DOCUMENT_BYTES / 1024 / 1024) " MB." }
                    input #document type="file" name=(FILE) required aria-describedby="document-help";
                    button { "Keep it here" }
                },
                None => p { "It is kept elsewhere." }
            }
        }
    }
}

fn keep(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let meant = meant(exchange, snapshot.state())?;
    let file = exchange.files.iter().find(|file| file.field == FILE);
    let file = file.ok_or_else(|| Problem::parameter(FILE, "choose the file first"))?;
    let documents = exchange.documents()?;
    let digest = documents.keep(&file.bytes)?;
    if digest != meant.digest {
        if !named(snapshot.state()).any(|(_, other)| other == digest) {
            documents.destroy(&digest)?;
        }
        let message = format!(
            "this file has the digest {digest}, and {} was registered with {}: it is another document",
            meant.id, meant.digest
        );
        return Err(Problem::new(422, "refused", message));
    }
    reply.send(redirect(&format!("/sources/{}", meant.id)), "kept\n");
    Ok(())
}

fn ask(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    asked(exchange, reply, false)
}

/// The page that asks, the second time with the reason in it.
fn asked(exchange: &Exchange<'_>, reply: &mut Reply, is_again: bool) -> Answered {
    let snapshot = exchange.snapshot();
    let meant = meant(exchange, snapshot.state())?;
    let reason = exchange.query.get("reason").unwrap_or_default();
    let title = match is_again {
        false => format!("Destroy the document of {}", meant.id),
        true => "Is it to be gone for good?".to_owned(),
    };
    let content = html! {
        h1 { (title) }
        p.lead { "The file with the digest " code { (meant.digest) } " is overwritten and removed." }
        ul {
            li { "A record says that the digest of " (meant.id) " no longer counts, who said so, and why." }
            li { "The digest stays in the ledger: who has the file can still show that it was this one." }
            li { "Backups, and what others saved, are out of reach." }
        }
        form.stacked method="post" action={ "/sources/" (meant.id) "/document/destroy" } {
            (hidden(exchange))
            @if is_again {
                input type="hidden" name="reason" value=(reason);
                p { "Reason: " b { (reason) } }
                p.buttons { button.danger name="step" value="destroy" { "Destroy it for good" } " " a href={ "/sources/" (meant.id) } { "Leave it" } }
            } @else {
                label for="reason" { "Why, and by whose authority " span.needed { "(needed)" } }
                textarea #reason name="reason" rows="2" required {}
                p.buttons { button { "Go on" } " " span.quiet { "Nothing is destroyed yet." } }
            }
        }
    };
    show(exchange, reply, &snapshot, &title, content, 200)
}

fn destroy(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let Some(reason) = exchange.query.get("reason") else {
        return Err(Problem::parameter("reason", "is needed"));
    };
    if exchange.query.get("step") != Some("destroy") {
        return asked(exchange, reply, true);
    }
    let snapshot = exchange.snapshot();
    let meant = meant(exchange, snapshot.state())?;
    let is_correction = |kind: &&Kind| kind.spec().change == Some(Change::Corrects);
    let kind = Kind::ALL.iter().find(is_correction);
    let kind = *kind.ok_or_else(|| Problem::new(500, "failed", "nothing corrects a record"))?;
    let mut fields = Fields::default();
    let who = recorded_by(exchange).map(str::to_owned);
    for (name, text) in [
        ("record", Some(meant.seq.to_string())),
        ("field", Some("digest".to_owned())),
        ("reason", Some(reason.to_owned())),
        ("recorded_by", who),
    ] {
        fields.set(name, text.into_iter().collect());
    }
    let desk = &exchange.context.options.desk;
    let typed = desk
        .read(snapshot.state(), kind, &fields)
        .map_err(|wrong| {
            let wrong = wrong
                .iter()
                .map(|wrong| Wrong::field(&wrong.field, wrong.message.clone()));
            Problem::bad_request(wrong.collect())
        })?;
    submit(
        exchange.context,
        exchange.recorder()?,
        Batch::of(vec![typed.event]),
    )?;
    // Another source may have the same document.
    let after = exchange.snapshot();
    if !named(after.state()).any(|(_, digest)| digest == meant.digest) {
        exchange.documents()?.destroy(&meant.digest)?;
    }
    reply.send(redirect(&format!("/sources/{}", meant.id)), "destroyed\n");
    Ok(())
}
