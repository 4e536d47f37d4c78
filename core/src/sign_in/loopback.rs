//! Signing in with a browser on this machine (RFC 8252 section 7.3): the loopback redirect URI and the responses to the
//! browser. This module does no I/O: [`LoopbackReceiver`](super::LoopbackReceiver) does, or the host's own server.

use std::time::Duration;

use rekindle_proto::Failure;
use rekindle_proto::sign_in::{PendingSignIn, check_redirect_uri};
use url::Url;

use crate::error::Error;

/// The redirect URI on loopback, and how long to wait for the callback.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoopbackOptions {
    /// The host of the redirect URI: `127.0.0.1` (the default), `[::1]`, or `localhost` if the server accepts nothing
    /// else.
    pub host: String,
    /// The port. Defaults to 0: any free port.
    pub port: u16,
    /// The path. Defaults to `/callback`.
    pub path: String,
    /// How long to wait for the user. Defaults to five minutes.
    pub timeout: Duration,
}

impl Default for LoopbackOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            path: "/callback".to_owned(),
            timeout: Duration::from_secs(300),
        }
    }
}

impl LoopbackOptions {
    /// The options for a registered redirect URI, or the defaults if there is none. If the URI has no port, any port is
    /// used (RFC 8252 section 7.3).
    ///
    /// ```
    /// use rekindle::sign_in::LoopbackOptions;
    ///
    /// let options = LoopbackOptions::for_redirect_uri(Some("http://localhost:8400/done"))?;
    /// assert_eq!((options.host.as_str(), options.port, options.path.as_str()), ("localhost", 8400, "/done"));
    /// assert_eq!(LoopbackOptions::for_redirect_uri(None)?.port, 0);
    /// assert!(LoopbackOptions::for_redirect_uri(Some("https://app.example.com/done")).is_err());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the URI is not a loopback address.
    pub fn for_redirect_uri(uri: Option<&str>) -> Result<Self, Error> {
        let Some(uri) = uri else { return Ok(Self::default()) };
        check_redirect_uri(uri)?;
        let url = Url::parse(uri).ok().filter(|url| url.scheme() == "http");
        let Some((url, host)) = url.as_ref().and_then(|url| Some((url, url.host_str()?))) else {
            let what = " must be a loopback address here, such as http://127.0.0.1/callback";
            return Err(Failure::config("redirect_uri", what).into());
        };
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(0),
            path: url.path().to_owned(),
            ..Self::default()
        })
    }
}

/// Returns the response for the browser, and the callback if the request belongs to this sign-in. Any other request,
/// such as one from another program on this machine or from a page that guesses, is rejected, and the receiver keeps
/// waiting.
///
/// `redirect_uri` is the URI that the receiver listens on; `head` is the head of a request, up to the empty line.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rekindle::Error> {
/// use rekindle::{Session, sign_in::{SignIn, answer_callback}};
///
/// let session = Session::builder("google").client_id("app").build()?;
/// let redirect_uri = "http://127.0.0.1:8400/callback";
/// let begun = session.begin_sign_in(SignIn::new().redirect_uri(redirect_uri)).await?;
/// let head = "GET /callback?code=c&state=guessed HTTP/1.1\r\nHost: 127.0.0.1:8400\r\n\r\n";
/// let (response, callback) = answer_callback(&begun.pending, redirect_uri, head);
/// assert!(response.starts_with("HTTP/1.1 400 Bad Request\r\n"));
/// assert_eq!(callback, None);
/// # Ok(()) }
/// ```
#[must_use]
pub fn answer_callback(pending: &PendingSignIn, redirect_uri: &str, head: &str) -> (String, Option<String>) {
    let place = redirect_uri.strip_prefix("http://").and_then(|place| place.split_once('/'));
    let (authority, path) = place.unwrap_or_default();
    let (answer, callback) = judge(pending, authority, path, head);
    (answer.text(), callback)
}

fn judge(pending: &PendingSignIn, authority: &str, path: &str, head: &str) -> (Answer, Option<String>) {
    let Some(request) = Request::parse(head) else { return (Answer::BadRequest, None) };
    // Another name for this machine: a page that had its own name lead here.
    if request.header("host") != Some(authority) {
        return (Answer::BadRequest, None);
    }
    if request.target.split('?').next().and_then(|target| target.strip_prefix('/')) != Some(path) {
        return (Answer::NotFound, None);
    }
    let is_navigation = request.header("sec-fetch-dest").is_none_or(|dest| dest == "document");
    let is_early = request.header("sec-purpose").is_some() || request.header("purpose") == Some("prefetch");
    if request.method != "GET" || !is_navigation || is_early {
        return (Answer::BadRequest, None);
    }
    let callback = format!("http://{authority}{}", request.target);
    match pending.brings_state(&callback) {
        true => (Answer::Done, Some(callback)),
        false => (Answer::Foreign, None),
    }
}

struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    fn parse(head: &'a str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        let headers =
            lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
        (version.starts_with("HTTP/1.") && target.starts_with('/')).then_some(Self {
            method,
            target,
            headers,
        })
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

enum Answer {
    Done,
    Foreign,
    NotFound,
    BadRequest,
}

impl Answer {
    fn text(&self) -> String {
        let (status, title, what) = match self {
            Self::Done => ("200 OK", "You can close this window", "The application continues by itself."),
            Self::Foreign => (
                "400 Bad Request",
                "This is not the sign-in that was begun",
                "Go back to the application, and start the sign-in again.",
            ),
            Self::NotFound => ("404 Not Found", "Nothing is here", ""),
            Self::BadRequest => ("400 Bad Request", "This request is not understood", ""),
        };
        let body = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>body{{font:1rem/1.5 \
             system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem;text-align:center;color-scheme:light \
             dark}}</style><h1>{title}</h1><p>{what}</p></html>"
        );
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: \
             close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: \
             nosniff\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
             frame-ancestors 'none'\r\n\r\n{body}",
            body.len()
        )
    }
}
