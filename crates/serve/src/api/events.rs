//! Events in, and events as they come.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use serde::Serialize;
use serde_json::Value;

use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::view::sentences::Sentences;
use servanda_core::words::harmless_json;
use servanda_http::{Feed, Next, Reply, Request};

use super::records::record;
use crate::access::Needs;
use crate::ask::readable;
use crate::context::Context;
use crate::exchange::{Answered, Exchange, JSON, Route, head, refuse_program};
use crate::log_entry::LogEntry;
use crate::news::{News, TOGETHER, There};
use crate::problem::Problem;
use crate::shared::Source;
use crate::submit::{Batch, Done, submit_then};

/// Most parts that followers are told of in a beat.
const PARTS: usize = 16;

/// The first words to a follower: how long to wait before it connects again, in milliseconds.
const FIRST: &[u8] = b"retry: 2000\n\n";

const EVENT_STREAM: &str = "text/event-stream";

/// Where events are recorded.
pub const RECORDING: &str = "/api/v1/events";

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: RECORDING,
        needs: Needs::Record,
        about: "Records events, all or none: a JSON object, a list of them, or lines. An event whose import key is known is not recorded again. With If-Match only if the head is still that one; with dry_run not at all",
        parameters: &["dry_run"],
        gives: &[JSON],
        handle: post,
    },
    Route {
        method: "GET",
        path: "/api/v1/events",
        needs: Needs::Read,
        about: "The records as they come, as server-sent events: from a number on, behind Last-Event-ID, or the new ones",
        parameters: &["since"],
        gives: &[EVENT_STREAM],
        handle: follow,
    },
];

fn post(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&["dry_run"])?;
    let who = exchange
        .who
        .as_ref()
        .ok_or_else(|| Problem::new(401, "unauthorized", "nobody is known"))?;
    let mut batch = Batch::parse(&exchange.request.body, who)?;
    let mut dry = exchange.query.iter().filter(|(name, _)| *name == "dry_run");
    if dry.any(|(_, value)| !matches!(value, "" | "true" | "false" | "1" | "0")) {
        return Err(Problem::parameter("dry_run", "is true, false or left out"));
    }
    batch.dry_run = exchange.query.flag("dry_run");
    batch.expected = expected(exchange.request);
    let is_dry = batch.dry_run;
    let context = Arc::clone(exchange.context);
    let mut entry = LogEntry::of(exchange.request);
    entry.who = Some(who.name.clone());
    submit_then(
        exchange.context,
        who,
        batch,
        reply.later(),
        move |reply, done| {
            match done {
                Ok(done) => tell_done(reply, &done, is_dry),
                Err(problem) => refuse_program(reply, &problem),
            }
            entry.answered(&context, reply.status());
        },
    );
    Ok(())
}

fn tell_done(reply: &mut Reply, done: &Done, is_dry: bool) {
    let is_new = done.receipts.iter().any(|receipt| !receipt.known);
    let status = if is_new && !is_dry { 201 } else { 200 };
    let tag = format!("\"{}-{}\"", done.head.count, done.head.link);
    // Texts and numbers alone: it can be written.
    let text = serde_json::to_string(&answer(done, is_dry)).unwrap_or_default();
    let body = harmless_json(&text).into_owned() + "\n";
    reply.send(head(status, JSON).with("etag", tag), body);
}

/// The head that the client expects, as it stands in an entity tag. What stands behind the head there says of which day the
/// answer was.
fn expected(request: &Request) -> Option<String> {
    let tag = request.header("if-match")?.trim().trim_matches('"');
    tag.split('.').next().map(str::to_owned)
}

/// What is told of a batch.
#[derive(Serialize)]
struct Told<'a> {
    receipts: Vec<ToldEvent<'a>>,
    dry_run: bool,
    head: ToldHead,
}

/// What is told of an event of it.
#[derive(Serialize)]
struct ToldEvent<'a> {
    record: u64,
    event: Option<&'static str>,
    sentence: &'a str,
    recorded_at: Option<String>,
    link: Option<String>,
    known: bool,
    differs: bool,
}

#[derive(Serialize)]
struct ToldHead {
    count: u64,
    link: String,
}

fn answer(done: &Done, is_dry: bool) -> Told<'_> {
    let receipts = done.receipts.iter().zip(&done.said);
    let receipts = receipts.map(|(receipt, (kind, sentence))| ToldEvent {
        record: receipt.seq.0,
        event: kind.map(|kind| kind.word()),
        sentence,
        // A rehearsed record is bound with another salt and time than the real one would be.
        recorded_at: (!is_dry).then(|| receipt.recorded_at.to_string()),
        link: (!is_dry).then(|| receipt.link.to_string()),
        known: receipt.known,
        differs: receipt.differs,
    });
    Told {
        receipts: receipts.collect(),
        dry_run: is_dry,
        head: ToldHead {
            count: done.head.count,
            link: done.head.link.to_string(),
        },
    }
}

fn follow(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&["since"])?;
    let mut head_now = exchange.context.shared.head().count;
    let number = |name: &str, text: &str| {
        text.parse::<u64>()
            .map_err(|_| Problem::parameter(name, "is a record's number"))
    };
    let last = exchange.request.header("last-event-id");
    let next = match (last, exchange.query.get("since")) {
        // A browser that connects again says where it was, and still has the query of the first time.
        (Some(last), _) => number("Last-Event-ID", last)?.saturating_add(1),
        (None, Some(since)) => number("since", since)?,
        (None, None) => head_now,
    };
    if next > head_now {
        // A client that comes from another server of this ledger may have seen more.
        exchange.context.shared.catch_up()?;
        head_now = exchange.context.shared.head().count;
    }
    if next > head_now {
        return Err(Problem::parameter(
            "since",
            format!("the ledger has {head_now} records"),
        ));
    }
    let head = head(200, EVENT_STREAM).with("x-accel-buffering", "no");
    let follower = Follower {
        source: exchange.context.shared.source(),
        news: Arc::clone(&exchange.context.news),
        next,
        end: next,
        is_new: true,
    };
    reply.follow(head, exchange.context.news.bell(), follower);
    Ok(())
}

/// Somebody who follows the ledger.
struct Follower {
    source: Source,
    news: Arc<News>,
    /// The record that comes next.
    next: u64,
    /// Up to where it is to be read for this follower.
    end: u64,
    /// Whether nothing was said yet.
    is_new: bool,
}

impl Feed for Follower {
    fn next(&mut self) -> Next {
        if std::mem::take(&mut self.is_new) {
            return Next::Part(Bytes::from_static(FIRST));
        }
        match self.news.from(self.next, self.source.replays()) {
            There::Nothing => Next::Nothing,
            There::Part(text, end) => {
                self.next = end;
                Next::Part(text)
            }
            There::Records(end) => {
                self.end = end;
                Next::Make
            }
        }
    }

    fn make(&mut self) -> io::Result<Bytes> {
        let text = events(self.source.snapshot().state(), self.next, self.end)?;
        self.next = self.end;
        Ok(text.into())
    }
}

/// Tells followers what was recorded since the last beat.
pub fn tell(context: &Context) {
    let (source, news) = (context.shared.source(), &context.news);
    let has_followers = news.bell().followers() > 0;
    for _ in 0..PARTS {
        // The snapshot is not older than this.
        let (replays, count, from) = (source.replays(), source.count(), news.end());
        if from >= count {
            break;
        }
        if has_followers {
            let end = count.min(from + TOGETHER);
            // Where a record cannot be read, each follower tries by itself, and is let go.
            let text = events(source.snapshot().state(), from, end).ok();
            news.tell(end, replays, text.map(Bytes::from));
        } else {
            news.tell(count, replays, None);
        }
        news.bell().ring();
    }
}

/// Records as server-sent events.
fn events(state: &State, from: u64, end: u64) -> io::Result<String> {
    let sentences = Sentences::new(state);
    let mut text = String::new();
    for seq in from..end {
        let object = Value::Object(record(state, &sentences, Seq(seq)));
        let json = object.to_string();
        text.push_str(&format!(
            "id: {seq}\nevent: record\ndata: {}\n\n",
            harmless_json(&json)
        ));
    }
    readable(state).map_err(|problem| io::Error::other(problem.message))?;
    Ok(text)
}
