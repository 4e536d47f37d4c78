//! Finding a server's endpoints by its issuer (RFC 8414, OpenID Connect Discovery).

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use rekindle_proto::sign_in::ServerMetadata;
use rekindle_proto::{ErrorKind, Failure};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::Error;
use crate::session::origins::secure;
use crate::session::setup::Setup;
use crate::session::token_source::read;
use crate::transport::{Outgoing, Transport, TransportRequest};

/// All its places together may take so long.
const MOST: Duration = Duration::from_secs(30);

/// Fetches a server's metadata, such as its endpoints, for [`AppBuilder::server`](crate::AppBuilder::server). The
/// result is plain data and can be stored. Redirects are not followed, and a document that names another issuer is
/// rejected.
///
/// ```no_run
/// # async fn f() -> Result<(), rekindle::Error> {
/// use rekindle::{Session, sign_in::discover};
///
/// let server = discover("https://accounts.example.com").await?;
/// let session = Session::builder("oauth2").server(server).client_id("app").build()?;
/// # let _ = session; Ok(()) }
/// ```
///
/// # Errors
///
/// InvalidConfig: the issuer is not an https URL (except on loopback). InvalidResponse: the metadata is missing or
/// names another issuer. Connection.
#[cfg(feature = "http")]
pub async fn discover(issuer: &str) -> Result<ServerMetadata, Error> {
    discover_with(issuer, &crate::transport::built_in()?, &crate::clock::SystemClock).await
}

/// As [`discover`], with your own transport and clock.
///
/// # Errors
///
/// As [`discover`].
pub async fn discover_with(
    issuer: &str,
    transport: &Arc<dyn Transport>,
    clock: &dyn Clock,
) -> Result<ServerMetadata, Error> {
    let places = ServerMetadata::places(issuer)?;
    if places.iter().any(|place| !secure(place)) {
        let what = " must be https, or loopback: otherwise an attacker could get the codes";
        return Err(Failure::config("issuer", what).into());
    }
    let search = async {
        // The first mistake is told: the other places may be empty.
        let mut mistake: Option<Failure> = None;
        let mut nothing = None;
        for place in places {
            let answer = ask(Method::GET, place, Outgoing::Empty, transport).await?;
            match (answer.status, answer.body) {
                (status, Some(body)) if status.is_success() => match ServerMetadata::read(issuer, &body) {
                    Ok(read) => return Ok(read),
                    Err(failure) => {
                        mistake.get_or_insert(failure);
                    }
                },
                (status, _) => nothing = Some(status),
            }
        }
        Err(mistake.unwrap_or_else(|| not_found(issuer, nothing)).into())
    };
    bounded(search, clock, issuer).await
}

/// What somebody who is asked for facts has answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Nothing where it broke off, or is too long.
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
}

/// One request, with no credential and without following redirects.
pub(super) async fn ask(
    method: Method,
    url: Url,
    body: Outgoing,
    transport: &Arc<dyn Transport>,
) -> Result<Answer, Error> {
    let mut headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/json")),
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    ]);
    if method == Method::POST {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let mut request = TransportRequest::new(method, url);
    request.headers = headers;
    request.body = body;
    request.timeout = Some(MOST);
    let response = transport.send(request).await?;
    let (status, headers) = (response.status, response.headers.clone());
    Ok(Answer { status, headers, body: read(response).await })
}

/// The keys that a server signs with (RFC 7517).
pub(super) async fn keys(place: &Url, setup: &Setup) -> Result<Value, Error> {
    let work = async {
        let answer = ask(Method::GET, place.clone(), Outgoing::Empty, &setup.transport).await?;
        let body = answer.body.filter(|_| answer.status.is_success());
        body.and_then(|body| serde_json::from_slice(&body).ok()).ok_or_else(|| {
            let message =
                "the server's keys (jwks_uri) are unavailable, so the ID token cannot be verified: try again";
            Failure { status: Some(answer.status.as_u16()), ..Failure::new(ErrorKind::Connection, message) }
                .into()
        })
    };
    bounded(work, setup.clock.as_ref(), place.as_str()).await
}

/// All that is asked together.
pub(super) async fn bounded<T>(
    work: impl Future<Output = Result<T, Error>>,
    clock: &dyn Clock,
    who: &str,
) -> Result<T, Error> {
    tokio::select! {
        done = work => done,
        () = clock.sleep_until(clock.mono() + MOST) => {
            Err(Error::new(ErrorKind::Timeout, format!("{who} did not answer in time: try again later")))
        }
    }
}

fn not_found(issuer: &str, status: Option<StatusCode>) -> Failure {
    let status_text = status.map(|status| format!(" (status {})", status.as_u16())).unwrap_or_default();
    let message = format!(
        "{issuer} has no metadata where RFC 8414 and OpenID Connect look for it{status_text}: check the issuer, or give the \
         endpoints yourself (token_url, authorization_url)"
    );
    Failure {
        status: status.map(|status| status.as_u16()),
        ..Failure::new(ErrorKind::InvalidResponse, message)
    }
}
