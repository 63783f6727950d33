//! How a browser says who it is: a form takes a token, and a cookie keeps the session.

use maud::html;

use servanda_http::{Head, Reply, Request};

use super::layout::{escaped, shell};
use crate::access::{Needs, Who};
use crate::exchange::{Answered, Exchange, HTML, Route, TEXT, head};
use crate::problem::Problem;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::page(
        Needs::Nothing,
        "GET",
        "/login",
        "The form that takes a token",
        form,
    ),
    Route::page(Needs::Nothing, "POST", "/login", "Takes a token", take),
    Route::page(Needs::Nothing, "POST", "/logout", "Ends the session", leave),
    Route::page(
        Needs::Nothing,
        "GET",
        "/enter",
        "The link that whoever starts the server opens, once",
        enter,
    ),
];

/// The name of the cookie. Cookies do not tell ports apart, and a machine may serve several ledgers.
fn cookie_name(request: &Request) -> String {
    let host = request.header("host").unwrap_or_default();
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let port = port
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then_some(port);
    format!("servanda{}", port.unwrap_or(""))
}

/// The id of the session that a browser sends.
pub fn session_id(request: &Request) -> Option<&str> {
    let name = cookie_name(request);
    let cookies = request.header("cookie")?.split(';');
    let mut pairs = cookies.filter_map(|cookie| cookie.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, id)| id)
}

/// Sends a browser to the form, from where it comes back.
pub fn to_login(request: &Request, reply: &mut Reply) {
    let query = match request.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let next = escaped(&format!("{}{query}", request.path));
    reply.send(redirect(&format!("/login?next={next}")), "log in\n");
}

/// An answer that leads elsewhere.
pub fn redirect(to: &str) -> Head {
    head(303, TEXT)
        .with("location", to.to_owned())
        .with("cache-control", "no-store")
}

/// A path of this server; the overview in place of anything else.
fn own_path(next: Option<&str>) -> &str {
    let next = next.filter(|next| next.starts_with('/') && !next.starts_with("//"));
    next.filter(|next| !next.contains(['\\', '\r', '\n']))
        .unwrap_or("/")
}

fn form(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    shown(exchange, reply, 200, None)
}

fn shown(
    exchange: &Exchange<'_>,
    reply: &mut Reply,
    status: u16,
    wrong: Option<&Problem>,
) -> Answered {
    let next = own_path(exchange.query.get("next"));
    let content = html! {
        h1 { "Log in" }
        @if let Some(wrong) = wrong { p.wrong role="alert" { (crate::words::capital(&wrong.message)) "." } }
        form.stacked action="/login" method="post" {
            input type="hidden" name="next" value=(next);
            label for="token" { "Your token" }
            p.quiet #token-help { "Whoever keeps this ledger gave it to you. It begins with " code { "servanda_" } "." }
            input #token type="password" name="token" autocomplete="current-password" aria-describedby="token-help" size="50" required autofocus;
            button { "Log in" }
        }
    };
    // The page says nothing of the ledger, so its head and foot do not either.
    let page = shell(
        html! { "Log in" },
        html! {},
        html! { main #main { (content) } },
    );
    let mut head = head(status, HTML).with("cache-control", "no-store");
    if let Some(seconds) = wrong.and_then(|wrong| wrong.retry_after) {
        head = head.with("retry-after", seconds.to_string());
    }
    reply.send(head, page.into_string());
    Ok(())
}

fn take(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let token = exchange.query.get("token").unwrap_or_default();
    match exchange.context.who_has(token, exchange.request.peer) {
        Ok(who) => begin(
            exchange,
            reply,
            &who,
            token,
            own_path(exchange.query.get("next")),
        ),
        Err(problem) => shown(exchange, reply, problem.status, Some(&problem)),
    }
}

fn begin(exchange: &Exchange<'_>, reply: &mut Reply, who: &Who, token: &str, to: &str) -> Answered {
    let id = exchange.context.sessions.begin(&who.name, token);
    let id = id.map_err(|error| Problem::new(503, "unavailable", error.to_string()))?;
    let name = cookie_name(exchange.request);
    let secure = secure(exchange);
    let cookie = format!("{name}={id}; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200{secure}");
    reply.send(redirect(to).with("set-cookie", cookie), "welcome\n");
    Ok(())
}

/// What keeps a cookie from being sent without TLS, where it came by TLS: to this server, or to the proxy before it.
fn secure(exchange: &Exchange<'_>) -> &'static str {
    let of_proxy = exchange.request.header("x-forwarded-proto");
    match exchange.context.options.is_tls || of_proxy == Some("https") {
        true => "; Secure",
        false => "",
    }
}

fn enter(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let token = exchange.query.get("token").unwrap_or_default();
    let who = exchange.context.who_has(token, exchange.request.peer)?;
    if !exchange.context.opens(token) {
        let message =
            "this link was opened before, and works once; enter its token in the form instead";
        return Err(Problem::new(403, "forbidden", message));
    }
    begin(exchange, reply, &who, token, "/")
}

fn leave(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let session = exchange.session.as_ref();
    let is_own = session.is_some_and(|session| exchange.query.get("csrf") == Some(&session.csrf));
    if let Some(id) = session_id(exchange.request).filter(|_| is_own) {
        exchange.context.sessions.end(id);
    }
    let name = cookie_name(exchange.request);
    let secure = secure(exchange);
    let gone = format!("{name}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0{secure}");
    reply.send(redirect("/").with("set-cookie", gone), "goodbye\n");
    Ok(())
}
