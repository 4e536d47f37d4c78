//! Finding a server's endpoints by its issuer (RFC 8414, OpenID Connect Discovery).

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use rekindle_proto::sign_in::ServerMetadata;
use rekindle_proto::{ErrorKind, Failure};
use url::Url;

use crate::clock::Clock;
use crate::error::Error;
use crate::session::origins::secure;
use crate::session::token_source::read;
use crate::transport::{Transport, TransportRequest};

/// All its places together may take so long.
const MOST: Duration = Duration::from_secs(30);

/// What a server says of itself: its endpoints, for [`AppBuilder::server`](crate::AppBuilder::server). It is plain data,
/// which can be kept. Redirects are not followed, and a document that names another issuer is not used.
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
/// InvalidConfig: the issuer is no https URL (loopback aside). InvalidResponse: it has no metadata, or another's. Connection.
#[cfg(feature = "http")]
pub async fn discover(issuer: &str) -> Result<ServerMetadata, Error> {
    discover_with(issuer, &crate::transport::built_in()?, &crate::clock::SystemClock).await
}

/// As [`discover`], over a transport and by a clock of one's own.
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
        let what = " must be https, or loopback: whoever answers in its place gets the codes";
        return Err(Failure::config("issuer", what).into());
    }
    let search = async {
        // The first mistake is told: the other places may be empty.
        let mut mistake: Option<Failure> = None;
        let mut nothing = None;
        for place in places {
            match get(&place, transport).await? {
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
    tokio::select! {
        found = search => found,
        () = clock.sleep_until(clock.mono() + MOST) => {
            Err(Error::new(ErrorKind::Timeout, format!("{issuer} did not tell its endpoints in time: try again later")))
        }
    }
}

async fn get(
    place: &Url,
    transport: &Arc<dyn Transport>,
) -> Result<(StatusCode, Option<zeroize::Zeroizing<Vec<u8>>>), Error> {
    let headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/json")),
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    ]);
    let mut request = TransportRequest::new(Method::GET, place.clone());
    request.headers = headers;
    request.timeout = Some(MOST);
    let response = transport.send(request).await?;
    Ok((response.status, read(response).await))
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
