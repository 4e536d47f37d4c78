//! Signing users in for an API of which only the URL is known (spec 12.18): carries out what
//! [`ApiSearch`](rekindle_proto::sign_in::ApiSearch) decides.

use std::sync::Arc;

use bytes::Bytes;
use rekindle_proto::sign_in::{ApiAccess, ApiRequest, ApiSearch, ApiStep, ResourceMetadata, ServerMetadata};
use rekindle_proto::store::{Expected, Loaded, Saved, Unavailable};
use rekindle_proto::{ErrorKind, Failure};

use super::{discover_resource_with, discover_with, register_with};
use crate::clock::Clock;
use crate::error::Error;
use crate::store::Store;
use crate::transport::Transport;

/// How often another process may save first.
const ROUNDS: u32 = 8;

/// Finds an API's authorization server (RFC 9728, RFC 8414) and registers this program there (RFC 7591), unless it has a
/// client id: for a program that knows only the API's URL, as in MCP. The registration is kept in `store`, beside the
/// sign-ins, and used again by later calls.
///
/// ```no_run
/// # async fn f() -> Result<(), rekindle::Error> {
/// use rekindle::sign_in::{ApiRequest, SignIn, find_api, open_browser};
/// use rekindle::{Session, store::FileStore};
///
/// let store = FileStore::new("mcp.json");
/// let access = find_api(&ApiRequest::new("https://mcp.example.com/mcp").name("My tool"), Some(&store)).await?;
/// let session = Session::builder("oauth2").api(&access).store(store).build()?;
/// if session.fresh_status().await?.needs_sign_in() {
///     session.sign_in_with_browser(SignIn::for_api(&access), open_browser).await?;
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// InvalidConfig: an address is neither https nor loopback, the server has no open registration, the registration cannot be
/// kept, or the store keeps another API's. StoreUnavailable. InvalidResponse, ClientRejected, Connection, Timeout.
#[cfg(feature = "http")]
pub async fn find_api(asked: &ApiRequest, store: Option<&dyn Store>) -> Result<ApiAccess, Error> {
    find_api_with(asked, store, &crate::transport::built_in()?, &crate::clock::SystemClock).await
}

/// As [`find_api`], with your own transport and clock.
///
/// # Errors
///
/// As [`find_api`].
pub async fn find_api_with(
    asked: &ApiRequest,
    store: Option<&dyn Store>,
    transport: &Arc<dyn Transport>,
    clock: &dyn Clock,
) -> Result<ApiAccess, Error> {
    let room = store.filter(|store| store.keeps_clients());
    asked.check(room.is_some(), store.is_some_and(Store::shared))?;
    let key = asked.key()?;
    for _ in 0..ROUNDS {
        let (kept, expected) = match room {
            Some(store) => load(store, &key).await?,
            None => (None, Expected::Absent),
        };
        let now = clock.now().wall;
        let mut search = match kept {
            Some(record) => ApiSearch::from_kept(asked.clone(), &record, now)?,
            None => ApiSearch::new(asked.clone(), now)?,
        };
        loop {
            match search.next()? {
                ApiStep::Discover => match discover(&asked.resource, transport, clock).await {
                    Ok((api, server)) => search.found(api, server),
                    Err(error) if search.not_found(error.kind()) => {}
                    Err(error) => return Err(error),
                },
                ApiStep::Register(client) => {
                    let Some(server) = search.server() else { break };
                    let given = register_with(server, &client, transport, clock).await?;
                    search.registered(client, given);
                }
                ApiStep::Keep(record) => match room {
                    // Another process was first: its client is used.
                    Some(store) if !save(store, &key, record, &expected).await? => break,
                    _ => search.kept(),
                },
                ApiStep::Done(access) => return Ok(*access),
            }
        }
    }
    Err(Error::new(
        ErrorKind::StoreUnavailable,
        "other processes keep writing the client's registration: try again",
    ))
}

async fn discover(
    resource: &str,
    transport: &Arc<dyn Transport>,
    clock: &dyn Clock,
) -> Result<(ResourceMetadata, ServerMetadata), Error> {
    let api = discover_resource_with(resource, transport, clock).await?;
    let server = discover_with(api.issuer()?, transport, clock).await?;
    Ok((api, server))
}

/// A damaged record is replaced: nothing but a registration is lost.
async fn load(store: &dyn Store, key: &str) -> Result<(Option<Bytes>, Expected), Error> {
    match store.load(key).await {
        Ok(Loaded::Present(record, version)) => Ok((Some(record), Expected::Version(version))),
        Ok(Loaded::Absent) => Ok((None, Expected::Absent)),
        Err(unavailable) if unavailable.damaged => Ok((None, Expected::Anything)),
        Err(unavailable) => Err(unavailable_store(&unavailable)),
    }
}

async fn save(store: &dyn Store, key: &str, record: Bytes, expected: &Expected) -> Result<bool, Error> {
    let saved =
        store.save(key, record, expected).await.map_err(|unavailable| unavailable_store(&unavailable))?;
    Ok(matches!(saved, Saved::Done(_)))
}

fn unavailable_store(unavailable: &Unavailable) -> Error {
    let message =
        format!("the store, which keeps the client's registration, is not available: {unavailable}");
    Failure::new(ErrorKind::StoreUnavailable, message).into()
}
