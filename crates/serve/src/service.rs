//! The service: from a request to the route that answers it, past the question who asks.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use servanda_http::connections::Limits;
use servanda_http::{App, Head, Reply, Request, Server, let_others_go_first};
use servanda_ledger::documents::DOCUMENT_BYTES;
use servanda_ledger::group::GroupError;
use servanda_log::Watch;

use crate::access::{Needs, Session, Who};
use crate::api::RECORDING;
use crate::context::{Context, Options};
use crate::exchange::{API, BEARER, Exchange, HTML, Route, head, head_of, may, refuse_program};
use crate::log_entry::LogEntry;
use crate::news::BEAT;
use crate::problem::Problem;
use crate::query::{Query, unescaped};
use crate::shared::{OpenLedger, Shared};
use crate::{api, multipart, pages};

/// The most bytes of a batch of events.
pub const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes of a form.
pub const FORM_BYTES: usize = 1024 * 1024;

/// The most bytes of a batch that is read in a moment.
const BRIEF_BYTES: usize = 64 * 1024;

/// How often is looked whether what is kept is of today.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// What clients may take up.
pub const LIMITS: Limits = Limits {
    head: Duration::from_secs(5),
    idle: Duration::from_secs(75),
    body: Duration::from_secs(30),
    connection: Duration::from_secs(60 * 60),
    connections: 2_048,
    connections_of_one: 128,
    trusts_loopback: true,
};

/// A ledger that answers requests.
pub struct Service {
    context: Arc<Context>,
    routes: Vec<&'static [Route]>,
    /// All routes, each with what its paths begin with.
    begins: Vec<(&'static str, &'static Route)>,
}

/// Who sent a request.
#[derive(Default)]
struct Sender {
    who: Option<Who>,
    session: Option<Session>,
}

impl Service {
    /// Serves a ledger.
    pub fn new(shared: Shared, options: Options) -> Self {
        let routes: Vec<&[Route]> = api::ROUTES.iter().chain(pages::ROUTES).copied().collect();
        let begin = |route: &'static Route| {
            let begin = route
                .path
                .split_once('{')
                .map_or(route.path, |(begin, _)| begin);
            (begin, route)
        };
        Self {
            context: Arc::new(Context::new(shared, options)),
            begins: routes.iter().copied().flatten().map(begin).collect(),
            routes,
        }
    }

    /// Listens on an address; with port 0 on one that is free.
    ///
    /// # Errors
    /// What the system says: the address may be in use.
    pub fn bind(self: &Arc<Self>, listen: SocketAddr) -> io::Result<Server<Self>> {
        let keep = |context: &Context| {
            let today = context.options.desk.today();
            context.shared.snapshot().keep_up(today);
        };
        self.regularly("servanda-keeper", KEEP_EVERY, let_others_go_first, keep)?;
        self.regularly("servanda-news", BEAT, || (), api::tell)?;
        Server::bind(Arc::clone(self), listen, LIMITS)
    }

    /// Does something again and again, on a thread of its own, until the service is gone.
    fn regularly(
        self: &Arc<Self>,
        name: &str,
        every: Duration,
        begin: fn(),
        act: impl Fn(&Context) + Send + 'static,
    ) -> io::Result<()> {
        let service = Arc::downgrade(self);
        let run = move || {
            begin();
            while let Some(service) = service.upgrade() {
                act(&service.context);
                drop(service);
                thread::sleep(every);
            }
        };
        thread::Builder::new()
            .name(name.into())
            .spawn(run)
            .map(drop)
    }

    /// Waits until others may have appended, for at most so long, and takes in what they did. While the log does not
    /// answer, the service says that it is not ready.
    ///
    /// # Errors
    /// [`GroupError::Closed`] once [`Service::close`] was called.
    pub fn await_others(
        &self,
        others: &mut dyn Watch,
        at_most: Duration,
    ) -> Result<(), GroupError> {
        self.context.shared.await_others(others, at_most)
    }

    /// Does something with the ledger while nobody appends, and shows readers what has become of it.
    ///
    /// # Errors
    /// [`GroupError::Closed`] once [`Service::close`] was called.
    pub fn visit<T: Send + 'static>(
        &self,
        visit: impl FnOnce(&mut OpenLedger) -> T + Send + 'static,
    ) -> Result<T, GroupError> {
        self.context.shared.visit(visit)
    }

    /// Waits until all that was asked for is recorded, and gives the ledger back; none the second time.
    ///
    /// # Errors
    /// [`GroupError::Lost`]
    pub fn close(&self) -> Result<Option<OpenLedger>, GroupError> {
        self.context.shared.close()
    }

    /// The ledger.
    #[cfg(unix)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.context.shared
    }

    /// The route of a request, and what stands for its segments in braces.
    fn route(&self, request: &Request) -> Result<(&'static Route, Vec<String>), Problem> {
        let method = match request.method.as_str() {
            "HEAD" => "GET",
            method => method,
        };
        // Most are told apart by what they begin with.
        let all = self.begins.iter();
        let all =
            all.filter_map(|(begin, route)| request.path.starts_with(begin).then_some(*route));
        let fitting = all.filter_map(|route| Some((route, segments(route.path, &request.path)?)));
        let fitting: Vec<_> = fitting.collect();
        let allow = allowed(fitting.iter().map(|(route, _)| route.method));
        let found = fitting
            .into_iter()
            .find(|(route, _)| route.method == method);
        found.ok_or_else(|| match allow {
            Some(allow) => Problem {
                allow: Some(allow),
                ..Problem::new(
                    405,
                    "bad-request",
                    format!("{} takes no {method}", request.path),
                )
            },
            None => Problem::not_found("there is no such page"),
        })
    }

    /// Who sent a request: by a token, by the name that a proxy gives, or by the session of a browser.
    fn sender(&self, request: &Request) -> Result<Sender, Problem> {
        if let Some(given) = request.header("authorization") {
            let basic = pages::basic_token(request);
            let bearer = || given.strip_prefix("Bearer ").unwrap_or("").trim();
            let token = basic.as_deref().unwrap_or_else(bearer);
            let who = self.context.who_has(token, request.peer)?;
            return Ok(Sender {
                who: Some(who),
                session: None,
            });
        }
        let trusted = self.context.options.trusted.as_ref();
        if let Some(name) = trusted
            .map(|trusted| trusted.named(request))
            .transpose()?
            .flatten()
        {
            let (who, session) = self.context.named_by_proxy(name)?;
            return Ok(Sender {
                who: Some(who),
                session: Some(session),
            });
        }
        let session = pages::session_id(request).and_then(|id| self.context.sessions.find(id));
        let who = session
            .as_ref()
            .and_then(|session| self.context.still(&session.name, &session.token_digest));
        Ok(Sender {
            session: session.filter(|_| who.is_some()),
            who,
        })
    }

    fn respond(&self, request: &Request, reply: &mut Reply) -> Result<Option<String>, Problem> {
        self.check_host(request)?;
        let (route, segments) = self.route(request)?;
        let sender = self.sender(request)?;
        let name = sender.who.as_ref().map(|who| who.name.clone());
        let is_api = is_api(&request.path);
        let (query, files) = if route.method == "POST" && !is_api {
            check_origin(request)?;
            let (form, files) = multipart::form(request)?;
            // To log in needs no session; everything else that a form does, does.
            if route.needs != Needs::Nothing {
                check_form(&form, sender.session.as_ref())?;
            }
            (form, files)
        } else {
            (Query::parse(request.query.as_bytes()), Vec::new())
        };
        if is_api && route.method == "POST" && sender.session.is_some() {
            let message =
                "the API takes a token in Authorization, and no cookie, for what it records";
            return Err(Problem::new(401, "unauthorized", message));
        }
        if !may(&self.context, sender.who.as_ref(), route.needs) {
            let is_page = !is_api && !pages::is_feed(request);
            if sender.who.is_none() && is_page && route.method == "GET" {
                pages::to_login(request, reply);
                return Ok(None);
            }
            return Err(self.not_allowed(route, sender.who.as_ref()));
        }
        let exchange = Exchange {
            context: &self.context,
            routes: &self.routes,
            request,
            segments,
            query,
            files,
            who: sender.who,
            session: sender.session,
        };
        if is_api {
            exchange.query.check_values()?;
        }
        if let Some(tag) = exchange.unchanged(route) {
            reply.send(not_modified(tag), "");
            return Ok(name);
        }
        match (route.handle)(&exchange, reply) {
            Ok(()) => Ok(name),
            Err(problem) => {
                refuse(&exchange.context.options, request, reply, &problem);
                Ok(name)
            }
        }
    }

    fn not_allowed(&self, route: &Route, who: Option<&Who>) -> Problem {
        match who {
            Some(_)
                if matches!(route.needs, Needs::Record | Needs::Erase)
                    && self.context.options.read_only =>
            {
                Problem::new(403, "forbidden", "this server records nothing")
            }
            Some(who) => {
                let message = format!("a {} may not do this", who.role);
                Problem::new(403, "forbidden", message)
            }
            None => Problem::new(
                401,
                "unauthorized",
                "send a token: Authorization: Bearer TOKEN",
            ),
        }
    }

    /// Where only this machine can reach the server, a request for another name is from a page that made a browser
    /// believe that the name is this machine's.
    fn check_host(&self, request: &Request) -> Result<(), Problem> {
        let options = &self.context.options;
        if !options.is_loopback {
            return Ok(());
        }
        let host = request.header("host").unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            match port.bytes().all(|digit| digit.is_ascii_digit()) {
                true => name,
                false => host,
            }
        });
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let is_own = bare == "localhost"
            || bare
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
            || options
                .hosts
                .iter()
                .any(|host| host.eq_ignore_ascii_case(name));
        match is_own {
            true => Ok(()),
            false => Err(Problem::new(
                421,
                "forbidden",
                "this server has another name",
            )),
        }
    }
}

impl App for Service {
    fn answer(&self, request: &Request, reply: &mut Reply) {
        let mut entry = LogEntry::of(request);
        match self.respond(request, reply) {
            Ok(name) => entry.who = name,
            Err(problem) => refuse(&self.context.options, request, reply, &problem),
        }
        if !reply.is_later() {
            entry.answered(&self.context, reply.status());
        }
    }

    fn is_long(&self, request: &Request) -> bool {
        let paths = [
            "/reports/",
            "/api/v1/reports/",
            "/api/v1/raw",
            "/calendar.ics",
        ];
        // Other days than today, and earlier states, are made of the records.
        let questions = [
            "as_of", "known_at", "sort", "grep", "soon", "grace", "silent",
        ];
        let query = Query::parse(request.query.as_bytes());
        paths.iter().any(|path| request.path.starts_with(path))
            || questions.iter().any(|name| query.get(name).is_some())
    }

    fn is_brief(&self, request: &Request) -> bool {
        request.path == RECORDING && request.body.len() <= BRIEF_BYTES
    }

    fn body_limit(&self, _: &str, path: &str) -> usize {
        // A form that takes a document is as long as that.
        let takes_document = path.starts_with("/record/") || path.starts_with("/sources/");
        match (is_api(path), takes_document) {
            (true, _) => BATCH_BYTES,
            (false, true) => DOCUMENT_BYTES as usize + FORM_BYTES,
            (false, false) => FORM_BYTES,
        }
    }

    fn refused(&self, request: &Request, status: u16) {
        LogEntry::of(request).refused(&self.context, status);
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with(API)
}

/// The methods that a path takes; none where there is no such path.
fn allowed<'r>(methods: impl Iterator<Item = &'r str>) -> Option<String> {
    let mut all: Vec<&str> = methods.collect();
    if all.contains(&"GET") {
        all.push("HEAD");
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// The head of the answer that the client has already.
fn not_modified(tag: String) -> Head {
    let mut head = head(304, HTML).with("etag", tag);
    head.headers.retain(|(name, _)| *name != "content-type");
    head
}

/// Says what went wrong: to a program as JSON, to a person as a page.
fn refuse(options: &Options, request: &Request, reply: &mut Reply, problem: &Problem) {
    if reply.has_begun() {
        return;
    }
    if is_api(&request.path) {
        refuse_program(reply, problem);
        return;
    }
    let scheme = match pages::is_feed(request) {
        true => "Basic realm=\"servanda\"",
        false => BEARER,
    };
    let page = pages::error(options, problem);
    reply.send(head_of(problem, HTML, scheme), page);
}

/// What stands for the segments in braces of a route, if the path is one of its.
fn segments(route: &str, path: &str) -> Option<Vec<String>> {
    let (mut found, mut given) = (Vec::new(), path.split('/'));
    for part in route.split('/') {
        if part.starts_with("{*") {
            let rest: Vec<&str> = given.by_ref().collect();
            found.push(unescaped(&rest.join("/"))?);
        } else if part.starts_with('{') {
            let segment = unescaped(given.next()?)?;
            found.push((!segment.is_empty()).then_some(segment)?);
        } else if given.next()? != part {
            return None;
        }
    }
    given.next().is_none().then_some(found)
}

/// That a form was sent from a page of this server.
fn check_origin(request: &Request) -> Result<(), Problem> {
    let foreign = || Problem::new(403, "forbidden", "the form was sent from another site");
    let site = request.header("sec-fetch-site");
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(foreign());
    }
    let host = request.header("host").unwrap_or_default();
    match request.header("origin") {
        None => Ok(()),
        Some(origin) if origin.split_once("://").is_some_and(|(_, of)| of == host) => Ok(()),
        Some(_) => Err(foreign()),
    }
}

/// That a form carries what its session gave to its page.
fn check_form(form: &Query, session: Option<&Session>) -> Result<(), Problem> {
    let Some(session) = session else {
        let message = "the session has ended: enter your token again, then send the form again";
        return Err(Problem::new(401, "unauthorized", message));
    };
    let given = form.get("csrf").unwrap_or_default();
    match crate::access::is_same(given, &session.csrf) {
        true => Ok(()),
        false => Err(Problem::new(
            403,
            "forbidden",
            "the form is not of this session: open it again",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_routes() {
        let found = |route, path| segments(route, path).map(|found| found.join("|"));
        assert_eq!(found("/a/{id}", "/a/b%20c").as_deref(), Some("b c"));
        assert_eq!(found("/a/{id}", "/a/"), None);
        assert_eq!(found("/a/{id}", "/a/b/c"), None);
        assert_eq!(found("/a/{id}/x", "/a/b/x").as_deref(), Some("b"));
        assert_eq!(
            found("/t/{*rest}", "/t/0/x001/002").as_deref(),
            Some("0/x001/002")
        );
        assert_eq!(found("/", "/").as_deref(), Some(""));
    }

    #[test]
    fn no_two_routes_are_the_same() {
        let all: Vec<_> = api::ROUTES
            .iter()
            .chain(pages::ROUTES)
            .copied()
            .flatten()
            .collect();
        for (at, route) in all.iter().enumerate() {
            let same = |other: &&&Route| (other.method, other.path) == (route.method, route.path);
            assert_eq!(all[..at].iter().find(same).map(|route| route.path), None);
        }
        assert!(all.len() > 20);
    }
}
