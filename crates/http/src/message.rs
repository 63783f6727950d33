//! Requests as an app sees them, and the heads of answers.

use std::borrow::Cow;
use std::net::IpAddr;

/// As many headers as most answers have.
const HEADERS: usize = 10;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The path as it was sent, percent signs and all.
    pub path: String,
    /// What stood behind the question mark, as it was sent; empty without one.
    pub query: String,
    /// The headers, their names in lower case; a value that is no text is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The address of the client, or of the proxy before it.
    pub peer: IpAddr,
}

impl Request {
    /// The value of a header, by its name in lower case; none if it is absent or stands twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(given, _)| given == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// The head of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The headers. A name or value that no header can have is left out.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Head {
    /// A head with a status and a media type.
    pub fn new(status: u16, media_type: impl Into<Cow<'static, str>>) -> Self {
        let mut headers = Vec::with_capacity(HEADERS);
        headers.push(("content-type", media_type.into()));
        Self { status, headers }
    }

    /// Sets a header, in place of one of the same name.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }
}
