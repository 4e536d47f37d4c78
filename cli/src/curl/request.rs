//! The request that a curl command line describes, as far as the token is concerned.

use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use rekindle::call::Content;
use url::Url;

use super::options::Word;
use crate::exit::{Done, Stop};

/// A request to one URL, and the words to hand on.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
    /// curl follows redirects by itself.
    pub(super) follows: bool,
    /// The head of the response is part of the output.
    pub(super) shows_head: bool,
    /// The body goes to standard output.
    pub(super) to_output: bool,
    /// curl tells on standard error what it sends.
    pub(super) verbose: bool,
    /// For curl: the URL as we understood it, and without what is done here.
    pub(super) args: Vec<String>,
}

/// What curl would do with a credential of its own, or to others than the one origin, or write to a file.
const REFUSED: [(&str, &str); 29] = [
    ("K", CONFIG),
    ("config", CONFIG),
    (":", NEXT),
    ("next", NEXT),
    ("u", CREDENTIAL),
    ("user", CREDENTIAL),
    ("n", CREDENTIAL),
    ("netrc", CREDENTIAL),
    ("netrc-file", CREDENTIAL),
    ("netrc-optional", CREDENTIAL),
    ("oauth2-bearer", CREDENTIAL),
    ("anyauth", CREDENTIAL),
    ("basic", CREDENTIAL),
    ("digest", CREDENTIAL),
    ("negotiate", CREDENTIAL),
    ("ntlm", CREDENTIAL),
    ("aws-sigv4", CREDENTIAL),
    ("location-trusted", "it would send the token to other hosts: use -L"),
    ("D", "rekindle reads the response headers itself: use -i, which writes them before the body"),
    ("dump-header", "rekindle reads the response headers itself: use -i, which writes them before the body"),
    ("trace", SHOWS),
    ("trace-ascii", SHOWS),
    ("trace-config", SHOWS),
    ("libcurl", SHOWS),
    ("url-query", "write the query into the URL, or use -G with -d"),
    ("xattr", SHOWS),
    ("retry", RETRY),
    ("retry-all-errors", RETRY),
    ("retry-connrefused", RETRY),
];
const CONFIG: &str = "rekindle passes the token to curl that way: give the options as arguments";
const RETRY: &str = "rekindle request retries by itself; or repeat the command";
const NEXT: &str = "the token is for one request: run rekindle curl for each";
const CREDENTIAL: &str =
    "the request carries the profile's token: leave out the other credential, or run curl itself";
const SHOWS: &str = "it would write the token to a file: use -v, which leaves it out";

impl Request {
    /// `base` makes a URL of a path.
    pub(super) fn of(words: Vec<Word>, base: impl Fn(&str) -> Done<Url>) -> Done<Self> {
        let mut reading = Reading::default();
        for word in words {
            reading.take(word)?;
        }
        let [url] = reading.urls.as_slice() else {
            return Err(Stop::usage("give one URL: the token is for one request"));
        };
        let url = base(url)?;
        let get = reading.get;
        let content = reading.content();
        let method = match reading.method {
            Some(name) => Method::from_bytes(name.as_bytes()).map_err(|_| Stop::usage("-X: not a method"))?,
            None if reading.head => Method::HEAD,
            None if reading.uploads => Method::PUT,
            None if reading.sends && !get => Method::POST,
            None => Method::GET,
        };
        // Curl's own reading of it must not be another than ours. Globs would make several of it.
        reading.args.extend(["--globoff".to_owned(), "--url".to_owned(), url.to_string()]);
        Ok(Self {
            method,
            url,
            headers: reading.headers,
            content,
            follows: reading.follows,
            shows_head: reading.shows_head || reading.head,
            to_output: reading.to_output,
            verbose: reading.verbose,
            args: reading.args,
        })
    }
}

struct Reading {
    urls: Vec<String>,
    method: Option<String>,
    headers: HeaderMap,
    get: bool,
    head: bool,
    sends: bool,
    /// What is sent, as far as it is known: GraphQL is read from it.
    data: Vec<Option<Vec<u8>>>,
    uploads: bool,
    follows: bool,
    shows_head: bool,
    to_output: bool,
    verbose: bool,
    args: Vec<String>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            method: None,
            headers: HeaderMap::new(),
            get: false,
            head: false,
            sends: false,
            data: Vec::new(),
            uploads: false,
            follows: false,
            shows_head: false,
            to_output: true,
            verbose: false,
            args: Vec::new(),
        }
    }
}

impl Reading {
    fn take(&mut self, word: Word) -> Done {
        let (name, value) = match word {
            Word::Url(url) => {
                self.urls.push(url);
                return Ok(());
            }
            Word::Option(name, value) => (name, value),
        };
        let shown = if name.chars().count() == 1 { format!("-{name}") } else { format!("--{name}") };
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(Stop::usage(format!("{shown}: {why}")));
        }
        let text = value.as_deref().unwrap_or_default();
        let reads_input = match name.as_str() {
            "T" | "upload-file" => matches!(text, "-" | "."),
            "d" | "data" | "data-ascii" | "data-binary" | "json" => text == "@-",
            "data-urlencode" => text.ends_with("@-"),
            "F" | "form" => text.contains("=@-") || text.contains("=<-"),
            _ => false,
        };
        if reads_input {
            let why = "standard input carries the token to curl: give the data as a file";
            return Err(Stop::usage(format!("{shown}: {why}")));
        }
        match name.as_str() {
            "url" => {
                self.urls.push(text.to_owned());
                return Ok(());
            }
            // The head is read here, and written if it is asked for.
            "i" | "include" | "show-headers" => {
                self.shows_head = true;
                return Ok(());
            }
            "X" | "request" => self.method = value.clone(),
            "H" | "header" => self.header(text)?,
            "G" | "get" => self.get = true,
            "I" | "head" => self.head = true,
            "d" | "data" | "data-ascii" | "data-binary" | "data-raw" | "json" => {
                self.sends = true;
                self.data.push(sent(text, name != "data-raw"));
                if name == "json" && !self.headers.contains_key(CONTENT_TYPE) {
                    self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                }
            }
            "data-urlencode" | "F" | "form" | "form-string" => {
                self.sends = true;
                self.data.push(None);
            }
            "T" | "upload-file" => self.uploads = true,
            "L" | "location" => self.follows = true,
            "o" | "output" if text != "-" => self.to_output = false,
            "O" | "remote-name" | "remote-name-all" => self.to_output = false,
            "v" | "verbose" => self.verbose = true,
            _ => {}
        }
        self.args.push(shown);
        self.args.extend(value);
        Ok(())
    }

    fn content(&mut self) -> Content {
        match std::mem::take(&mut self.data).as_mut_slice() {
            [Some(data)] if !self.uploads => Content::from(std::mem::take(data)),
            _ if self.sends || self.uploads => Content::Replayable,
            _ => Content::none(),
        }
    }

    /// A file of headers is read by curl alone, and may hold a credential.
    fn header(&mut self, text: &str) -> Done {
        if text.starts_with('@') {
            return Err(Stop::usage(
                "-H: give the headers themselves: a file may contain another credential",
            ));
        }
        let Some((name, value)) = text.split_once(':') else { return Ok(()) };
        if let (Ok(name), Ok(value)) =
            (name.trim().parse::<HeaderName>(), HeaderValue::from_str(value.trim()))
        {
            self.headers.append(name, value);
        }
        Ok(())
    }
}

/// What curl sends of this, if it can be told. Line breaks of files make no difference to what it is.
fn sent(text: &str, reads_files: bool) -> Option<Vec<u8>> {
    match text.strip_prefix('@').filter(|_| reads_files) {
        Some(path) => std::fs::read(path).ok(),
        None => Some(text.as_bytes().to_vec()),
    }
}
