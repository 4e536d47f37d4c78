//! `request -w`: what scripts want to know of an answer, as curl's `--write-out` has it.

use std::path::Path;
use std::time::Duration;

use http::Version;
use http::header::{CONTENT_TYPE, HeaderMap};
use rekindle::Response;
use url::Url;

use super::input;
use crate::args::RequestArgs;
use crate::exit::{Done, Stop};
use crate::output::{self, Sink};

/// A text with variables in it, checked.
pub(super) struct Format(Vec<Piece>);

enum Piece {
    Text(String),
    Variable(Variable),
    Header(String),
}

/// What is known of a request in the end. Without an answer curl's values for none are written.
#[derive(Default)]
pub(super) struct Facts {
    /// As it was written on the command line.
    url: String,
    file: String,
    pub(super) error: String,
    pub(super) downloaded: u64,
    pub(super) first_byte: Duration,
    pub(super) total: Duration,
    answer: Option<Answer>,
}

struct Answer {
    status: u16,
    version: Version,
    url: Url,
    redirects: usize,
    headers: HeaderMap,
}

#[derive(Clone, Copy)]
enum Variable {
    ContentType,
    Error,
    File,
    Status,
    Version,
    Headers,
    Redirects,
    Scheme,
    Size,
    Speed,
    FirstByte,
    Total,
    Url,
    LastUrl,
}

const VARIABLES: [(&str, Variable); 15] = [
    ("content_type", Variable::ContentType),
    ("errormsg", Variable::Error),
    ("filename_effective", Variable::File),
    ("http_code", Variable::Status),
    ("http_version", Variable::Version),
    ("num_headers", Variable::Headers),
    ("num_redirects", Variable::Redirects),
    ("response_code", Variable::Status),
    ("scheme", Variable::Scheme),
    ("size_download", Variable::Size),
    ("speed_download", Variable::Speed),
    ("time_starttransfer", Variable::FirstByte),
    ("time_total", Variable::Total),
    ("url", Variable::Url),
    ("url_effective", Variable::LastUrl),
];

impl Format {
    /// The text, or that of `@FILE`. An unknown variable is an error before anything is sent.
    pub(super) async fn read(given: &str) -> Done<Self> {
        let text = String::from_utf8(input::text_or_file(given, "-w").await?);
        Self::parse(&text.map_err(|_| Stop::usage("-w: it is not UTF-8"))?)
    }

    fn parse(text: &str) -> Done<Self> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (taken, piece) = match rest.strip_prefix("%{") {
                Some(after) => {
                    let end = if after.starts_with("header{") { "}}" } else { "}" };
                    let at = after.find(end).ok_or_else(|| Stop::usage("-w: a %{ has no } after it"))?;
                    (2 + at + end.len(), Some(variable(&after[..at])?))
                }
                None => {
                    let (taken, c) = literal(rest, c);
                    plain.push(c);
                    (taken, None)
                }
            };
            rest = &rest[taken..];
            if let Some(piece) = piece {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(piece);
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    pub(super) fn write(&self, facts: &Facts) -> Done {
        let mut sink = Sink::Standard;
        for piece in &self.0 {
            let value = match piece {
                Piece::Text(text) => layout(text),
                Piece::Variable(variable) => output::printable(&facts.value(*variable)).into_owned(),
                Piece::Header(name) => output::printable(&facts.header(name)).into_owned(),
            };
            sink.write(value.as_bytes())?;
        }
        sink.finish()
    }
}

/// `\n`, `\r`, `\t` and `%%`; another character is itself.
fn literal(rest: &str, c: char) -> (usize, char) {
    match rest.get(..2) {
        Some("\\n") => (2, '\n'),
        Some("\\r") => (2, '\r'),
        Some("\\t") => (2, '\t'),
        Some("%%") => (2, '%'),
        _ => (c.len_utf8(), c),
    }
}

fn variable(name: &str) -> Done<Piece> {
    if let Some(header) = name.strip_prefix("header{") {
        return Ok(Piece::Header(header.to_owned()));
    }
    let found = VARIABLES.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, variable)| Piece::Variable(variable)).ok_or_else(|| {
        let known = VARIABLES.map(|(known, _)| known).join(", ");
        Stop::usage(format!("-w: there is no variable `{name}`; take one of {known}"))
    })
}

/// The format may come from a file: of what a terminal obeys it has line breaks and tabs alone.
fn layout(text: &str) -> String {
    let parts = text.split_inclusive(['\n', '\r', '\t']).map(|part| {
        let line = part.trim_end_matches(['\n', '\r', '\t']);
        format!("{}{}", output::printable(line), &part[line.len()..])
    });
    parts.collect()
}

impl Facts {
    pub(super) fn of(args: &RequestArgs, file: Option<&Path>) -> Self {
        let file = file.map_or_else(String::new, |path| path.display().to_string());
        Self { url: args.target.clone(), file, ..Self::default() }
    }

    pub(super) fn answered(&mut self, response: &Response) {
        self.answer = Some(Answer {
            status: response.status().as_u16(),
            version: response.version(),
            url: response.url().clone(),
            redirects: response.history().len(),
            headers: response.headers().clone(),
        });
    }

    fn value(&self, variable: Variable) -> String {
        let answer = self.answer.as_ref();
        match variable {
            Variable::ContentType => self.header(CONTENT_TYPE.as_str()),
            Variable::Error => self.error.clone(),
            Variable::File => self.file.clone(),
            Variable::Status => format!("{:03}", answer.map_or(0, |answer| answer.status)),
            Variable::Version => version(answer.map(|answer| answer.version)).to_owned(),
            Variable::Headers => answer.map_or(0, |answer| answer.headers.len()).to_string(),
            Variable::Redirects => answer.map_or(0, |answer| answer.redirects).to_string(),
            Variable::Scheme => answer.map_or_else(String::new, |answer| answer.url.scheme().to_owned()),
            Variable::Size => self.downloaded.to_string(),
            Variable::Speed => {
                let bytes = u128::from(self.downloaded) * 1000;
                bytes.checked_div(self.total.as_millis()).unwrap_or(0).to_string()
            }
            Variable::FirstByte => seconds(self.first_byte),
            Variable::Total => seconds(self.total),
            Variable::Url => self.url.clone(),
            Variable::LastUrl => answer.map_or_else(|| self.url.clone(), |answer| answer.url.to_string()),
        }
    }

    fn header(&self, name: &str) -> String {
        let value = self.answer.as_ref().and_then(|answer| answer.headers.get(name));
        value.map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

fn version(version: Option<Version>) -> &'static str {
    match version {
        Some(Version::HTTP_10) => "1.0",
        Some(Version::HTTP_11) => "1.1",
        Some(Version::HTTP_2) => "2",
        Some(Version::HTTP_3) => "3",
        _ => "0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, facts: &Facts) -> String {
        let format = Format::parse(text).unwrap();
        let value = |piece: &Piece| match piece {
            Piece::Text(text) => layout(text),
            Piece::Variable(variable) => facts.value(*variable),
            Piece::Header(name) => facts.header(name),
        };
        format.0.iter().map(value).collect()
    }

    #[test]
    fn a_text_is_written_with_its_variables_and_escapes() {
        let facts = Facts { url: "/x".into(), ..Facts::default() };
        assert_eq!(shown("%{http_code}|%{url}\\n%%\u{e4}", &facts), "000|/x\n%\u{e4}");
        assert_eq!(shown("a%{header{X-B}}c", &facts), "ac");
        assert_eq!(shown("\u{1b}[2J\tx", &facts), "\\u{1b}[2J\tx");
    }

    #[test]
    fn an_unknown_variable_is_refused() {
        for text in ["%{nonsense}", "%{http_code"] {
            assert!(Format::parse(text).is_err(), "{text}");
        }
    }
}
