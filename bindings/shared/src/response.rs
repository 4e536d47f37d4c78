//! Responses without their bodies.

use std::fmt;
use std::time::Duration;

use http::Version;
use rekindle::Response;

use crate::call;
use crate::verdict::Verdict;

/// All of a response except its body. Debug shows neither query nor headers because they may contain tokens.
#[derive(Clone, Default)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// The URL that the response came from, after redirects.
    pub url: String,
    /// `HTTP/1.1`, `HTTP/2`, ..
    pub version: String,
    /// Names and values, in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The redirects that were followed, each with its status and the URL that was requested.
    pub history: Vec<(u16, String)>,
    /// The time from the call to the headers.
    pub elapsed: Duration,
    /// What the response says about the session's token; `None` if the request had none. This may change while a
    /// streamed body is read.
    pub verdict: Option<Verdict>,
    /// Why the request was not sent again although its token was rejected.
    pub replay_refused: Option<String>,
}

impl From<&Response> for ResponseHead {
    fn from(response: &Response) -> Self {
        let history = response.history().iter();
        let mut head = Self {
            status: response.status().as_u16(),
            url: response.url().to_string(),
            version: version_name(response.version()).to_owned(),
            headers: call::headers(response.headers()),
            history: history.map(|hop| (hop.status.as_u16(), hop.url.to_string())).collect(),
            elapsed: response.elapsed(),
            verdict: None,
            replay_refused: None,
        };
        head.note(response);
        head
    }
}

impl ResponseHead {
    /// Adds what became known by reading the body.
    ///
    /// ```no_run
    /// # fn f(head: &mut rekindle_bindings::ResponseHead, response: &rekindle::Response) {
    /// head.note(response); // after a piece of its body was read
    /// # }
    /// ```
    pub fn note(&mut self, response: &Response) {
        self.verdict = response.verdict().map(Verdict::from);
        self.replay_refused = response.replay_refused().map(|reason| reason.name().to_owned());
    }
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.url.split(['?', '#']).next())
            .field("verdict", &self.verdict)
            .field("replay_refused", &self.replay_refused)
            .finish_non_exhaustive()
    }
}
