//! A request on its way to an answer, and the routes that lead there.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;

use servanda_core::words::harmless_json;
use servanda_http::{Head, Reply, Request, Writer};
use servanda_ledger::documents::Documents;

use crate::access::{Needs, Session, Who};
use crate::ask::{Asked, ask};
use crate::context::Context;
use crate::multipart::Upload;
use crate::problem::Problem;
use crate::query::Query;
use crate::shared::Snapshot;

/// What all paths of the API begin with.
pub const API: &str = "/api/v1";

/// JSON.
pub const JSON: &str = "application/json";
/// Pages.
pub const HTML: &str = "text/html; charset=utf-8";
/// Texts.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// What a page may load: its own style sheet and script, and nothing from elsewhere.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An answer to be given, or why there is none.
pub type Answered = Result<(), Problem>;

/// Answers a request.
pub type Handler = fn(&Exchange<'_>, &mut Reply) -> Answered;

/// A route: what it is for, what it needs, and what answers.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path. A segment in braces stands for any; `{*rest}` at the end for all that follow.
    pub path: &'static str,
    /// What it needs.
    pub needs: Needs,
    /// What it gives, in a sentence.
    pub about: &'static str,
    /// The names of its parameters in the query.
    pub parameters: &'static [&'static str],
    /// The media types of its answer.
    pub gives: &'static [&'static str],
    /// What answers.
    pub handle: Handler,
}

impl Route {
    /// Whether its answers are made of the head, the day and the question alone, so that a client may keep them. Tiles never
    /// change, and need no tag.
    pub fn has_tag(&self) -> bool {
        let is_other = ["/metrics", "/api/v1/events", "/api/v1/tile/{*rest}"].contains(&self.path);
        self.method == "GET" && self.needs != Needs::Nothing && !is_other
    }

    /// A page without parameters that are documented.
    pub const fn page(
        needs: Needs,
        method: &'static str,
        path: &'static str,
        about: &'static str,
        handle: Handler,
    ) -> Self {
        Self {
            method,
            path,
            needs,
            about,
            parameters: &[],
            gives: &["text/html"],
            handle,
        }
    }
}

/// A request, whose client is known and may ask it.
pub struct Exchange<'a> {
    /// What all answers share.
    pub context: &'a Arc<Context>,
    /// All routes.
    pub routes: &'a [&'static [Route]],
    /// The request.
    pub request: &'a Request,
    /// What stands for the segments in braces.
    pub segments: Vec<String>,
    /// The parameters.
    pub query: Query,
    /// The files that came with a form.
    pub files: Vec<Upload>,
    /// Who asks; nobody known where anybody may.
    pub who: Option<Who>,
    /// The session of a browser.
    pub session: Option<Session>,
}

impl Exchange<'_> {
    /// Whether this client may do more.
    pub fn may(&self, needs: Needs) -> bool {
        may(self.context, self.who.as_ref(), needs)
    }

    /// The ledger as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.context.shared.snapshot()
    }

    /// What the parameters ask.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn ask<'s>(&self, snapshot: &'s Snapshot) -> Result<Asked<'s>, Problem> {
        ask(&self.query, snapshot, self.context.options.desk.today())
    }

    /// The documents beside the ledger.
    ///
    /// # Errors
    /// A problem where the ledger has no directory.
    pub fn documents(&self) -> Result<&Documents, Problem> {
        let documents = self.context.options.documents.as_ref();
        documents.ok_or_else(|| Problem::not_found("this ledger has no place for documents"))
    }

    /// What each form of the session carries; empty without a session.
    pub fn csrf(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.csrf)
    }

    /// Whoever records.
    ///
    /// # Errors
    /// A problem where nobody is known.
    pub fn recorder(&self) -> Result<&Who, Problem> {
        let nobody = || Problem::new(401, "unauthorized", "nobody is known");
        self.who.as_ref().ok_or_else(nobody)
    }

    /// The entity tag of an answer: the head that it was made of, and what else it depends on. An answer as of today is
    /// another one tomorrow, and another version of the program may word it otherwise.
    pub fn etag(&self, snapshot: &Snapshot) -> String {
        let (head, today) = (snapshot.head(), self.context.options.desk.today());
        let version = env!("CARGO_PKG_VERSION");
        format!("\"{}-{}.{today}.{version}\"", head.count, head.link)
    }

    /// The tag of the answer, if the client has it already. Pages of a session carry what is of that session alone, and
    /// are made anew.
    pub fn unchanged(&self, route: &Route) -> Option<String> {
        let given = self.request.header("if-none-match")?;
        if !route.has_tag() || self.session.is_some() {
            return None;
        }
        let tag = self.etag(&self.snapshot());
        let mut given = given
            .split(',')
            .map(|one| one.trim().trim_start_matches("W/"));
        given.any(|one| one == tag).then_some(tag)
    }

    /// The first segment in braces.
    pub fn segment(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }

    /// Answers with JSON, and with the head of the ledger that it was made of.
    pub fn json(&self, reply: &mut Reply, snapshot: &Snapshot, value: &Value) -> Answered {
        let head = head(200, JSON).with("etag", self.etag(snapshot));
        reply.send(head, harmless_json(&value.to_string()).into_owned() + "\n");
        Ok(())
    }
}

/// Whether somebody may do this.
pub fn may(context: &Context, who: Option<&Who>, needs: Needs) -> bool {
    let may = who.is_some_and(|who| who.role.may(needs));
    match needs {
        Needs::Nothing => true,
        Needs::Read | Needs::Audit => context.options.public_read || may,
        Needs::Record | Needs::Erase => may && !context.options.read_only,
    }
}

/// How a program shows its token.
pub const BEARER: &str = "Bearer realm=\"servanda\"";

/// The head of an answer that says what went wrong. `scheme` is how a token can be shown.
pub fn head_of(problem: &Problem, media_type: &'static str, scheme: &'static str) -> Head {
    let mut head = head(problem.status, media_type);
    if problem.status == 401 {
        head = head.with("www-authenticate", scheme);
    }
    if let Some(seconds) = problem.retry_after {
        head = head.with("retry-after", seconds.to_string());
    }
    if let Some(allow) = &problem.allow {
        head = head.with("allow", allow.clone());
    }
    head.with("cache-control", "no-store")
}

/// Says to a program what went wrong, as JSON.
pub fn refuse_program(reply: &mut Reply, problem: &Problem) {
    let head = head_of(problem, "application/problem+json", BEARER);
    reply.send(head, problem.to_json() + "\n");
}

/// The head of an answer, with what keeps a browser from being tricked.
pub fn head(status: u16, media_type: impl Into<Cow<'static, str>>) -> Head {
    Head::new(status, media_type)
        .with("content-security-policy", POLICY)
        .with("x-content-type-options", "nosniff")
        .with("x-frame-options", "DENY")
        .with("referrer-policy", "same-origin")
        .with("cross-origin-resource-policy", "same-origin")
        .with("cross-origin-opener-policy", "same-origin")
        .with("cache-control", "private, no-cache")
}

/// Writes an answer part by part. Where a part fails, the answer is cut off.
pub fn stream(
    reply: &mut Reply,
    head: Head,
    write: impl FnOnce(&mut Writer) -> io::Result<()>,
    check: impl FnOnce() -> Answered,
) -> Answered {
    let mut out = reply.begin(head);
    // The client may be gone, which is no problem of its own; or a record cannot be read: then it must not look whole.
    if write(&mut out).and_then(|()| out.flush()).is_ok() && check().is_ok() {
        let _gone = out.finish();
    }
    Ok(())
}
