//! Adapters for your own HTTP client: add a token to each request and judge each response.
//!
//! | feature | adapter |
//! |---|---|
//! | `tower` | `adapters::tower::RekindleLayer`, around any service of `http::Request` |
//! | `reqwest-middleware` | `adapters::reqwest_middleware::RekindleMiddleware` |
//!
//! Both are thin wrappers around [`Call`], which you can use with any other HTTP client. They do not change requests
//! that already carry a credential or go to an origin that is not listed (spec 2.2, 9.1). They add the verdict to the
//! response's extensions, as [`Judged`].
//!
//! Limits of each client, and how its adapter handles them:
//!
//! | | redirects | streaming body | deadline |
//! |---|---|---|---|
//! | [`Client`](crate::Client) | followed hop by hop: at another origin, no credential is sent, and of the caller's headers only those that [`may_travel`](crate::call::may_travel) names | sent once, or created anew by a factory | one for the whole request |
//! | reqwest-middleware | followed by reqwest, out of the middleware's sight; it drops only `Authorization` and `Cookie`. A token in another header, or one bound to a key, is an error unless `RekindleMiddleware::client` built the client, which follows redirects as `Client` does. After a redirect of a POST nothing is sent again | sent once | reqwest's own for each send; the session's for waiting for a token |
//! | tower | a layer below may follow them unseen: a token in another header, or one bound to a key, is an error until `without_redirects` declares that there is none. A layer above is fine: each hop is a separate request | cloned for each send | a layer's; the session's for waiting for a token |
//!
//! Neither adapter retries transient failures: the HTTP client has to do that.

mod body;
#[cfg(feature = "reqwest-middleware")]
pub mod reqwest_middleware;
#[cfg(feature = "tower")]
pub mod tower;

use http::Response;
use rekindle_proto::ErrorKind;

pub use self::body::JudgedBody;
pub use crate::call::Judged;
use crate::call::{self, Call, Headers, Reads};
use crate::error::Error;
use rekindle_proto::Verdict;

/// What follows a response.
enum Next<B: http_body::Body> {
    SendAgain(Headers),
    Keep(Response<JudgedBody<B>>),
}

async fn judge<B>(call: &mut Call, response: Response<B>) -> Result<Next<B>, Error>
where
    B: http_body::Body + Unpin,
{
    let (mut head, body) = response.into_parts();
    let mut body = JudgedBody::new(body);
    match call.reads(head.status, &head.headers) {
        Reads::Nothing => {}
        Reads::UpTo(limit) => body.fill(limit).await,
        Reads::IfJson(limit) => {
            body.fill(1).await;
            if Reads::goes_on(&body.read()) {
                body.fill(limit).await;
            }
        }
    }
    Ok(match call.answered(head.status, &head.headers, &body.read()).await? {
        call::Next::SendAgain(headers) => Next::SendAgain(headers),
        call::Next::Keep(judged) => {
            if let Some(judged) = judged {
                head.extensions.insert(judged);
            }
            Next::Keep(Response::from_parts(head, body))
        }
    })
}

/// Whether something is held against our token: a redirect that says so leads to the login page (spec 2.11).
fn is_turned_away<B>(response: &Response<B>) -> bool {
    response.extensions().get::<Judged>().is_some_and(|judged| judged.verdict != Verdict::Accepted)
}

/// Headers that redirects below us would take to another origin are not sent at all (spec 9.2).
fn must_stay(headers: &Headers, otherwise: &str) -> Result<(), Error> {
    if headers.stay_at_redirects() {
        return Ok(());
    }
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("` and `");
    let why = "which an HTTP client that follows redirects sends to other origins";
    let message = format!("redirects: the token goes in `{names}`, {why}: {otherwise}");
    Err(Error::new(ErrorKind::InvalidConfig, message))
}
