//! For those who keep their own HTTP client: it gets a token before each request, and each response is judged.
//!
//! | feature | adapter |
//! |---|---|
//! | `tower` | `adapters::tower::RekindleLayer`, around any service of `http::Request` |
//! | `reqwest-middleware` | `adapters::reqwest_middleware::RekindleMiddleware` |
//!
//! Both leave alone what carries a credential of the caller's own, and what goes to an origin that is not
//! listed (spec 2.2, 9.1). They say what they found in the response's extensions, as [`Judged`]. What they
//! cannot do, and [`Client`](crate::Client) can: follow redirects without leaking (switch them off where the
//! dialect has a header of its own), retry after transient failures, one deadline over everything.

mod body;
#[cfg(feature = "reqwest-middleware")]
pub mod reqwest_middleware;
#[cfg(feature = "tower")]
pub mod tower;

use http::header::{AUTHORIZATION, HeaderMap};
use http::{Method, Response, response};
use rekindle_proto::{Exchange, Operation, Verdict, graphql};
use url::Url;

pub use self::body::JudgedBody;
use crate::client;
use crate::error::Error;
use crate::proof::DPOP;
use crate::session::{Judgement, ReplayRefused, Session, Token};

/// A body that must be judged is read up to this; a longer one is judged by its beginning.
const JUDGED: usize = 8 * 1024 * 1024;

/// What a response says about our token; to be found in its extensions. Not there: it carried none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What it says.
    pub verdict: Verdict,
    /// Why the request was not sent again although its token was turned away.
    pub replay_refused: Option<ReplayRefused>,
}

/// One request, as far as it matters to a session.
struct Call {
    session: Session,
    method: Method,
    url: Url,
    operation: Operation,
    replayable: bool,
}

/// What follows a response.
enum Next<B: http_body::Body> {
    Replay(Token),
    Keep(Response<JudgedBody<B>>),
}

impl Call {
    /// The token to send; none where the caller brings a credential, or the origin is not ours.
    async fn token(&self, headers: &HeaderMap) -> Result<Option<Token>, Error> {
        let own = self.session.dialect().credential_headers();
        if own.iter().chain([&AUTHORIZATION]).any(|name| headers.contains_key(name)) {
            return Ok(None);
        }
        self.session.token_for(&self.url, None).await
    }

    async fn judge<B>(&self, token: &Token, response: Response<B>) -> Result<Next<B>, Error>
    where
        B: http_body::Body + Unpin,
    {
        let (mut head, body) = response.into_parts();
        let mut body = JudgedBody::new(body);
        self.read_to_judge(&head, &mut body).await;
        let read = body.read();
        let exchange = Exchange {
            method: &self.method,
            url: &self.url,
            operation: self.operation,
            replayable: self.replayable,
            status: head.status,
            headers: &head.headers,
            body: &read,
        };
        match self.session.judge(token, &exchange, None).await {
            Ok(Judgement::Replay { token, verdict }) => {
                self.session.sends_again(&verdict);
                Ok(Next::Replay(token))
            }
            Ok(Judgement::Keep { verdict, replay_refused }) => {
                head.extensions.insert(Judged { verdict, replay_refused });
                Ok(Next::Keep(Response::from_parts(head, body)))
            }
            Err(error) => Err(error.with_response(self.response(head, read))),
        }
    }

    /// Reads the body where a verdict may be in it (spec 2.6).
    async fn read_to_judge<B>(&self, head: &response::Parts, body: &mut JudgedBody<B>)
    where
        B: http_body::Body + Unpin,
    {
        let errors = head.status.as_u16() >= 400;
        if errors || self.session.dialect().errors_with_success_status() && client::is_json(&head.headers) {
            body.fill(JUDGED).await;
        }
    }

    /// Puts the token into a request, and a proof beside it where it is bound to a key.
    fn sign(&self, headers: &mut HeaderMap, token: &Token) -> Result<(), Error> {
        headers.insert(token.header_name().clone(), token.authorization().clone());
        if let Some(proof) = self.session.proof(token, &self.method, &self.url)? {
            headers.insert(DPOP, proof);
        }
        Ok(())
    }

    /// For the error that it led to (spec 3.5).
    fn response(&self, head: response::Parts, read: bytes::Bytes) -> client::Response {
        client::Response::apart(self.url.clone(), head, read)
    }
}

/// What a request does (spec 2.5): as its caller says, else as its body says. What cannot be read counts as
/// a mutation, which makes a difference only if the answer is one of GraphQL.
fn operation(
    told: Option<Operation>,
    method: &Method,
    headers: &HeaderMap,
    body: Option<&[u8]>,
) -> Operation {
    match (told, body) {
        (Some(told), _) => told,
        _ if method != Method::POST || !client::is_json(headers) => Operation::Http,
        (None, Some(body)) => graphql::detect(body).unwrap_or_default(),
        (None, None) => Operation::GraphqlMutation,
    }
}
