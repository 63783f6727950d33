//! The page that verifies a ledger in a browser. It takes files, and asks this server for nothing: a visitor who does not
//! trust the server gets it elsewhere.

use maud::{Markup, html};

use servanda_http::Reply;

use crate::access::Needs;
use crate::exchange::{Answered, Exchange, HTML, POLICY, Route, head};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/verify",
        needs: Needs::Nothing,
        about: "The page that verifies raw records and bundles in the browser",
        parameters: &[],
        gives: &["text/html"],
        handle: page,
    },
    Route {
        method: "GET",
        path: "/verify.js",
        needs: Needs::Nothing,
        about: "The verifier, in one file",
        parameters: &[],
        gives: &["text/javascript"],
        handle: script,
    },
];

/// The place in the page for links to what it verifies.
const PLACE: &str = "<!-- A server puts links to its records here. -->";

/// Links to what the page verifies, for those who may have it: to be saved first, because the page loads nothing.
fn links(exchange: &Exchange<'_>) -> Markup {
    html! {
        @if exchange.may(Needs::Audit) {
            p { "From this server: " a href="/api/v1/raw" download { "the raw records" } ", "
                a href="/api/v1/checkpoint" download="checkpoint" { "its checkpoint" } ". Save them, and choose the files here. A checkpoint that you got elsewhere shows more." }
        } @else {
            p { "The raw records of this server are for auditors: " a href="/login?next=/verify" { "log in" } " to save them." }
        }
    }
}

/// The policy that a page names itself.
fn own_policy(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("http-equiv=\"Content-Security-Policy\" content=\"")?;
    rest.split_once('"').map(|(policy, _)| policy)
}

fn page(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let page = exchange.context.options.verifier.page;
    let policy = own_policy(page).map(|own| format!("{own}; frame-ancestors 'none'"));
    let policy = policy.unwrap_or_else(|| POLICY.to_owned());
    let head = head(200, HTML)
        .with("content-security-policy", policy)
        .with("vary", "cookie");
    reply.send(
        head,
        page.replacen(PLACE, &links(exchange).into_string(), 1),
    );
    Ok(())
}

fn script(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let script = exchange.context.options.verifier.script;
    reply.send(head(200, "text/javascript; charset=utf-8"), script);
    Ok(())
}
