//! For adapters, whose requests other HTTP clients send: a token to send, and a judgement of what came back.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use pyo3::prelude::*;
use rekindle::proto::{Exchange, Operation, Verdict, graphql};
use rekindle::{Error, ErrorKind, Judgement, Token};
use url::Url;

use crate::errors::{Problem, raise};
use crate::run::{Waiter, drive};
use crate::session::Session;

/// The token that a request carries.
#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct Held(Token);

#[pymethods]
impl Held {
    #[getter]
    fn header_name(&self) -> &str {
        self.0.header_name().as_str()
    }

    #[getter]
    fn authorization(&self) -> String {
        String::from_utf8_lossy(self.0.authorization().as_bytes()).into_owned()
    }
}

#[pymethods]
impl Session {
    /// The token for a request; none where the origin is not listed, or the caller's headers hold a credential.
    #[pyo3(signature = (url, names, waiter=None))]
    fn hold(
        &self,
        py: Python<'_>,
        url: &str,
        names: Vec<String>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let url = parse(py, url)?;
        // A key that goes along with the token, like Supabase's, is no credential instead of it.
        let own = [self.inner.dialect().token_header(), AUTHORIZATION];
        let carries = names.iter().any(|name| own.iter().any(|one| one.as_str().eq_ignore_ascii_case(name)));
        let session = self.inner.clone();
        let work = async move {
            if carries {
                return Ok(None);
            }
            match session.token_for(&url, None).await {
                // Its own: a borrowed one is for a moment, and Python may keep it.
                Ok(token) => Ok(Option::clone(&token)),
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, token| Ok(token.map(Held).into_pyobject(py)?.unbind()))
    }

    /// Whether the token is for this URL's origin; a URL that is none is nobody's.
    fn owns(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| self.inner.owns(&url))
    }

    /// The proof that goes along in the header `DPoP`; none where the token is not bound to a key.
    fn proof(&self, py: Python<'_>, held: &Held, method: &str, url: &str) -> PyResult<Option<String>> {
        let url = parse(py, url)?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| no_method(py))?;
        let proof = self.inner.proof(&held.0, &method, &url).map_err(|error| raise(py, &error))?;
        Ok(proof.map(|proof| String::from_utf8_lossy(proof.as_bytes()).into_owned()))
    }

    /// Whether the body of a response with this status must be read to be judged.
    fn reads(&self, status: u16) -> bool {
        status >= 400 || self.inner.dialect().errors_with_success_status()
    }

    /// `(the token to replay with, or None; verdict; why it is not replayed)`.
    #[pyo3(signature = (held, method, url, content, replayable, status, headers, body, waiter=None))]
    #[allow(clippy::too_many_arguments, reason = "one exchange")]
    fn judge(
        &self,
        py: Python<'_>,
        held: &Held,
        method: &str,
        url: &str,
        content: Option<Vec<u8>>,
        replayable: bool,
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        waiter: Option<Waiter>,
    ) -> PyResult<Py<PyAny>> {
        let url = parse(py, url)?;
        let wrong = |what| raise(py, &Error::new(ErrorKind::InvalidConfig, what));
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| no_method(py))?;
        let status = StatusCode::from_u16(status).map_err(|_| wrong("status is no HTTP status"))?;
        let (session, token) = (self.inner.clone(), held.0.clone());
        let operation = content.as_deref().filter(|_| method == Method::POST).and_then(graphql::detect);
        let work = async move {
            if !session.owns(&url) {
                return Ok((None, "", None));
            }
            let exchange = Exchange {
                method: &method,
                url: &url,
                operation: operation.unwrap_or(Operation::Http),
                replayable,
                status,
                headers: &map(headers),
                body: &body,
            };
            match session.judge(&token, &exchange, None).await {
                Ok(Judgement::Replay { token, verdict }) => {
                    // With a nonce it is the same token again.
                    if !matches!(verdict, Verdict::NonceRequired(_)) {
                        session.replayed();
                    }
                    Ok((Some(token), verdict.name(), None))
                }
                Ok(Judgement::Keep { verdict, replay_refused }) => {
                    Ok((None, verdict.name(), replay_refused.map(rekindle::ReplayRefused::name)))
                }
                Err(error) => Err(Problem::of(error).await),
            }
        };
        drive(py, waiter, work, |py, (token, verdict, refused)| {
            Ok((token.map(Held), verdict, refused).into_pyobject(py)?.into_any().unbind())
        })
    }
}

fn no_method(py: Python<'_>) -> PyErr {
    raise(py, &Error::new(ErrorKind::InvalidConfig, "method is no HTTP method"))
}

fn parse(py: Python<'_>, url: &str) -> PyResult<Url> {
    Url::parse(url).map_err(|_| raise(py, &Error::new(ErrorKind::InvalidConfig, "url is not a URL")))
}

fn map(headers: Vec<(String, String)>) -> HeaderMap {
    let pair = |(name, value): (String, String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers.into_iter().filter_map(pair) {
        // It panics when it is full; a server that sends as many is not understood anyway.
        let _ = map.try_append(name, value);
    }
    map
}
