//! What a server answered, but for the body.

use std::fmt;
use std::time::Duration;

use http::Version;
use rekindle::Response;

use crate::call;
use crate::verdict::Verdict;

/// All of a response but its body. Debug shows neither query nor headers: they may hold tokens.
#[derive(Clone, Default)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// Where the answer is from, after redirects.
    pub url: String,
    /// `HTTP/1.1`, `HTTP/2`, ..
    pub version: String,
    /// Names and values, in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The redirects that were followed: each with its status, and what had been asked.
    pub history: Vec<(u16, String)>,
    /// From the call to the answer's head.
    pub elapsed: Duration,
    /// What it says about the session's token; nothing where the request carried none. Of a body that comes as it is
    /// read, this may change while it is read.
    pub verdict: Option<Verdict>,
    /// Why the request was not sent again although its token was turned away.
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
    /// What only the body told.
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
