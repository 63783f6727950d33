//! A server as a process, and a client of a few lines.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::program::Scratch;

/// A server. Killed when a test fails.
pub struct Serving {
    child: Child,
    address: String,
    token: Option<String>,
}

impl Serving {
    /// Starts a server of the ledger in a directory.
    pub fn start(scratch: &Scratch, words: &[&str]) -> Self {
        let has_access = scratch.ledger().join("access").exists();
        let is_open = words.contains(&"--public-read") && words.contains(&"--read-only");
        Self::run(scratch.servanda(), words, !has_access && !is_open)
    }

    /// Starts a server with a command, which prints a link with a token or not.
    pub fn run(mut command: Command, words: &[&str], prints_link: bool) -> Self {
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ");
        let Some((_, address)) = url.and_then(|url| url.split_once("://")) else {
            let mut said = String::new();
            child
                .stderr
                .as_mut()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!("{line:?} {said}");
        };
        let address = address.to_owned();
        let token = prints_link.then(|| {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            line.trim_end().split_once("token=").unwrap().1.to_owned()
        });
        Self {
            child,
            address,
            token,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The token in the link that it printed.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// A client with that token.
    pub fn starter(&self) -> Client {
        Client::of(self).with_token(self.token())
    }

    /// A browser that opened the link.
    pub fn browser(&self) -> Client {
        Client::of(self).logged_in(&format!("/enter?token={}", self.token()))
    }

    /// Its process id.
    #[cfg(target_os = "linux")]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args([signal, &pid]).status();
        assert!(told.unwrap().success());
    }

    /// Kills it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal; its exit code and what it said.
    pub fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let mut said = String::new();
        self.child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of a server, with what it sends each time.
#[derive(Clone)]
pub struct Client {
    address: String,
    headers: Vec<(String, String)>,
}

/// An answer.
pub struct Answer {
    /// The status; 0 where the server sent nothing.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub bytes: Vec<u8>,
    /// The body as a text.
    pub body: String,
    /// Whether the body came to its end.
    pub is_whole: bool,
}

impl Client {
    /// A client that nobody knows.
    pub fn of(serving: &Serving) -> Self {
        Self {
            address: serving.address.clone(),
            headers: Vec::new(),
        }
    }

    /// The same, with another header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut with = self.clone();
        with.headers.push((name.to_owned(), value.to_owned()));
        with
    }

    /// The same, with a token.
    pub fn with_token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The same, with the cookie that a path gives.
    pub fn logged_in(&self, path: &str) -> Self {
        self.with_cookie_of(&self.get(path))
    }

    /// The same, with the cookie of an answer.
    pub fn with_cookie_of(&self, answer: &Answer) -> Self {
        let cookie = answer
            .header("set-cookie")
            .unwrap_or_else(|| panic!("{answer:?}"));
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
        self.with("cookie", cookie.split(';').next().unwrap())
    }

    /// Asks for a path.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"")
    }

    /// Sends JSON.
    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.send(
            "POST",
            path,
            "application/json",
            body.to_string().as_bytes(),
        )
    }

    /// Sends a form.
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let escaped = |text: &str| -> String {
            let bytes = text.bytes();
            bytes.map(|byte| format!("%{byte:02x}")).collect()
        };
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        self.send(
            "POST",
            path,
            "application/x-www-form-urlencoded",
            pairs.join("&").as_bytes(),
        )
    }

    /// Sends a form with a file, as a browser does.
    pub fn post_file(&self, path: &str, fields: &[(&str, &str)], file: (&str, &[u8])) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let head =
                format!("--parts-of-a-form\r\nContent-Disposition: form-data; name=\"{name}\"\r\n");
            body.extend(format!("{head}\r\n{value}\r\n").bytes());
        }
        let name = file.0;
        let head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n");
        body.extend(format!("--parts-of-a-form\r\n{head}\r\n").bytes());
        body.extend(file.1);
        body.extend(b"\r\n--parts-of-a-form--\r\n");
        self.send(
            "POST",
            path,
            "multipart/form-data; boundary=parts-of-a-form",
            &body,
        )
    }

    /// Connects, and sends the head of a request.
    #[track_caller]
    pub fn begin(&self, method: &str, path: &str, more: &str) -> TcpStream {
        self.try_begin(method, path, more).unwrap()
    }

    fn try_begin(&self, method: &str, path: &str, more: &str) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        let has_host = self.headers.iter().any(|(name, _)| name == "host");
        if !has_host {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(more);
        // A server that stops may not take it.
        let _ = stream.write_all((head + "\r\n").as_bytes());
        Ok(stream)
    }

    /// Sends a request, and reads the answer.
    pub fn send(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let more = format!(
            "connection: close\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n"
        );
        let mut bytes = Vec::new();
        // Where nobody listens any more, the answer is empty.
        if let Ok(mut stream) = self.try_begin(method, path, &more) {
            let _ = stream.write_all(body);
            let _ = stream.read_to_end(&mut bytes);
        }
        Answer::read(&bytes)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = self.body.chars().take(4_000).collect();
        write!(f, "{} {:?}\n{body}", self.status, self.headers)
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let rest = bytes.get(end + 4..).unwrap_or_default();
        let is_chunked = headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let (bytes, is_whole) = match is_chunked {
            true => chunks(rest),
            false => (rest.to_vec(), true),
        };
        Self {
            status: status.unwrap_or(0),
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
            is_whole,
        }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn chunks(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
            return (body, false);
        };
        let length = std::str::from_utf8(&rest[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        rest = &rest[end + 2..];
        if length == 0 {
            return (body, true);
        }
        if rest.len() < length + 2 {
            return (body, false);
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}
