//! Forms as browsers send them: names with values, and files where the form has any (RFC 7578). The whole body is in
//! memory, so that the parts of one with files are what stands between its delimiters.

use servanda_http::Request;

use crate::problem::{Problem, Wrong};
use crate::query::{MOST, Query};

/// A file that came with a form.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The name of its field.
    pub field: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Reads the body of a form. A field of a file that nobody chose is left out.
///
/// # Errors
/// A body with files that has not the form of one.
pub fn form(request: &Request) -> Result<(Query, Vec<Upload>), Problem> {
    let media_type = request.header("content-type").unwrap_or_default();
    match media_type.split_once(';') {
        Some((main, rest)) if main.trim().eq_ignore_ascii_case("multipart/form-data") => {
            let read = boundary(rest).and_then(|boundary| parts(&request.body, boundary));
            read.ok_or_else(|| {
                Problem::bad_request(vec![Wrong {
                    message: "the body is not a form with files".to_owned(),
                    ..Wrong::default()
                }])
            })
        }
        _ => Ok((Query::parse(&request.body), Vec::new())),
    }
}

/// The boundary among the parameters of a media type.
fn boundary(parameters: &str) -> Option<&str> {
    let mut parameters = parameters.split(';').filter_map(|one| one.split_once('='));
    let found = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let text = found.map(|(_, value)| value.trim().trim_matches('"'))?;
    (1..=70).contains(&text.len()).then_some(text)
}

/// Where a text stands in bytes, from a place on.
fn find(bytes: &[u8], text: &[u8], from: usize) -> Option<usize> {
    let first = *text.first()?;
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(text) {
            return Some(at);
        }
        at += 1;
    }
}

/// The parts of a body: fields with texts, and files.
fn parts(body: &[u8], boundary: &str) -> Option<(Query, Vec<Upload>)> {
    let delimiter = format!("\r\n--{boundary}");
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    // The first delimiter has no line end before it.
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    loop {
        if rest.starts_with(b"--") {
            return Some((Query::of(fields), files));
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes(), 0)?;
        let head = find(&part[..end], b"\r\n\r\n", 0)?;
        let (name, is_file) = named(std::str::from_utf8(&part[..head]).ok()?)?;
        let value = &part[head + 4..end];
        if fields.len() + files.len() == MOST {
            return None;
        }
        match is_file {
            false => fields.push((name, std::str::from_utf8(value).ok()?.to_owned())),
            true if value.is_empty() => {}
            true => files.push(Upload {
                field: name,
                bytes: value.to_vec(),
            }),
        }
        rest = &part[end + delimiter.len()..];
    }
}

/// The name of the field of a part, and whether it is a file.
fn named(head: &str) -> Option<(String, bool)> {
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let disposition = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-disposition"));
    let (_, disposition) = disposition?;
    let (_, rest) = disposition.split_once(" name=\"")?;
    // Browsers write a quote in a name as %22.
    let (name, _) = rest.split_once('"')?;
    Some((name.to_owned(), disposition.contains(" filename")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, value) in parts {
            body.extend(format!("--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
            body.extend(*value);
            body.extend(b"\r\n");
        }
        body.extend(b"--xyz--\r\n");
        body
    }

    #[test]
    fn fields_and_files_are_read() {
        let file = b"\r\n--xy\r\n\0\xff--xyz";
        let body = body(&[
            ("name=\"title\"", "Minutes – 1".as_bytes()),
            (
                "name=\"document\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf",
                file,
            ),
            ("name=\"other\"; filename=\"\"", b""),
        ]);
        let (query, files) = parts(&body, "xyz").unwrap();
        assert_eq!(query.get("title"), Some("Minutes – 1"));
        assert_eq!((files.len(), files[0].field.as_str()), (1, "document"));
        assert_eq!(files[0].bytes, file);
        for end in 0..body.len() - 4 {
            assert!(parts(&body[..end], "xyz").is_none(), "{end}");
        }
        assert!(parts(&body, "xyy").is_none());
    }

    #[test]
    fn a_boundary_is_found_among_parameters() {
        assert_eq!(boundary(" charset=x; Boundary=\"a-b\""), Some("a-b"));
        assert_eq!(boundary(" boundary="), None);
        assert_eq!(boundary(&format!("boundary={}", "x".repeat(71))), None);
    }
}
