//! Finding an API's authorization server (RFC 9728) and registering a client there (RFC 7591): for clients that know
//! only the API's URL, as in MCP.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use rekindle_proto::sign_in::{
    ClientRegistration, RegisteredClient, ResourceMetadata, ServerMetadata, may_name,
};
use rekindle_proto::{ErrorKind, Failure};
use url::Url;
use zeroize::Zeroizing;

use super::discovery::{self, ask};
use crate::clock::Clock;
use crate::error::Error;
use crate::session::origins::secure;
use crate::transport::{Outgoing, Transport};

/// Fetches an API's metadata, which names its authorization server. The API is called without a token; if its response
/// does not name a metadata URL, the well-known URLs of RFC 9728 are tried.
///
/// ```no_run
/// # async fn f() -> Result<(), rekindle::Error> {
/// use rekindle::sign_in::{ClientRegistration, SignIn, discover, discover_resource, open_browser, register};
/// use rekindle::{Client, Session};
///
/// let api = discover_resource("https://mcp.example.com/mcp").await?;
/// let server = discover(api.issuer()?).await?;
/// let client = register(&server, &ClientRegistration::new("My tool", "http://127.0.0.1/callback")).await?;
/// let session = Session::builder("oauth2").server(server).registered_client(&client)?.build()?;
/// session.sign_in_with_browser(SignIn::new().resource(&api.resource), open_browser).await?;
/// let answer = Client::new(session, "https://mcp.example.com")?.post("/mcp").json(&()).send().await?;
/// # let _ = answer; Ok(()) }
/// ```
///
/// # Errors
///
/// InvalidConfig: the address is not an https URL (except on loopback). InvalidResponse: the metadata is missing or
/// names another resource. Connection, Timeout.
#[cfg(feature = "http")]
pub async fn discover_resource(resource: &str) -> Result<ResourceMetadata, Error> {
    discover_resource_with(resource, &crate::transport::built_in()?, &crate::clock::SystemClock).await
}

/// As [`discover_resource`], with your own transport and clock.
///
/// # Errors
///
/// As [`discover_resource`].
pub async fn discover_resource_with(
    resource: &str,
    transport: &Arc<dyn Transport>,
    clock: &dyn Clock,
) -> Result<ResourceMetadata, Error> {
    let mut places = ResourceMetadata::places(resource)?;
    let url = Url::parse(resource).ok().filter(secure).ok_or_else(|| {
        let what = " must be https, or loopback: otherwise an attacker could send users anywhere";
        Failure::config("resource", what)
    })?;
    let search = async {
        let answer = ask(Method::GET, url.clone(), Outgoing::Empty, transport).await?;
        if let Some(named) = ResourceMetadata::named(&answer.headers) {
            if !may_name(&url, &named) {
                let message = "the API names a place for its metadata that is neither https nor, if it is on this machine \
                               itself, loopback: it is not asked";
                return Err(Failure::new(ErrorKind::InvalidResponse, message).into());
            }
            // Nothing else is tried: it says where.
            places = vec![named];
        }
        let mut mistake: Option<Failure> = None;
        for place in places {
            let answer = ask(Method::GET, place, Outgoing::Empty, transport).await?;
            let Some(body) = answer.body.filter(|_| answer.status.is_success()) else { continue };
            match ResourceMetadata::read(resource, &body) {
                Ok(read) => return Ok(read),
                Err(failure) => {
                    mistake.get_or_insert(failure);
                }
            }
        }
        Err(mistake.unwrap_or_else(|| nothing(resource)).into())
    };
    discovery::bounded(search, clock, resource).await
}

/// Registers a client at a server with open registration. Store the result: each registration creates another client.
///
/// For an example, see [`discover_resource`].
///
/// # Errors
///
/// InvalidConfig: the server has no registration endpoint, or a redirect URI is unsafe. ClientRejected: the server
/// refused. InvalidResponse, Connection, Timeout.
#[cfg(feature = "http")]
pub async fn register(
    server: &ServerMetadata,
    client: &ClientRegistration,
) -> Result<RegisteredClient, Error> {
    register_with(server, client, &crate::transport::built_in()?, &crate::clock::SystemClock).await
}

/// As [`register`], with your own transport and clock.
///
/// # Errors
///
/// As [`register`].
pub async fn register_with(
    server: &ServerMetadata,
    client: &ClientRegistration,
    transport: &Arc<dyn Transport>,
    clock: &dyn Clock,
) -> Result<RegisteredClient, Error> {
    let place = server.registration_endpoint.clone().ok_or_else(|| {
        let what = " is missing: this server has no client registration (registration_endpoint); register the client by hand";
        Failure::config("client_id", what)
    })?;
    if !secure(&place) {
        let what = " names a registration endpoint that is neither https nor loopback";
        return Err(Failure::config("server", what).into());
    }
    let body = Outgoing::Bytes(Bytes::from(client.to_json()?));
    let work = async {
        let answer = ask(Method::POST, place, body, transport).await?;
        let body = answer.body.unwrap_or_default();
        if answer.status.is_success() {
            return Ok(RegisteredClient::read(&body)?);
        }
        Err(refused(answer.status, &body).into())
    };
    discovery::bounded(work, clock, &server.issuer).await
}

fn refused(status: http::StatusCode, body: &Zeroizing<Vec<u8>>) -> Failure {
    let dialect = rekindle_proto::Dialect::preset("oauth2").ok();
    let code = dialect.as_ref().and_then(|dialect| dialect.error_code(body));
    let words = dialect.and_then(|dialect| dialect.server_message(body, &[])).unwrap_or_default();
    let message = format!(
        "the server did not register the client ({}, \"{words}\"): check its metadata, or register it by hand",
        code.as_deref().unwrap_or("no code"),
    );
    let kind = if status.is_server_error() { ErrorKind::Connection } else { ErrorKind::ClientRejected };
    Failure { oauth_error: code, status: Some(status.as_u16()), ..Failure::new(kind, message) }
}

fn nothing(resource: &str) -> Failure {
    let message = format!(
        "{resource} does not say which server signs users in for it (RFC 9728): ask its operator for the issuer, and use \
         discover"
    );
    Failure::new(ErrorKind::InvalidResponse, message)
}
