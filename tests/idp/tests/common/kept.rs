//! Sessions on the real servers, and what is asserted of them.

use rekindle::EventKind;
use rekindle::{Client, Credential, ErrorKind, Events, Rotation, Session, SessionBuilder};
use rekindle_idp::{PUBLIC_CLIENT, Server, Tokens};

/// A session of the public client on an OAuth server. Nobody tells it how long its access token lives.
pub(crate) fn oauth(server: &Server, preset: &str, tokens: &Tokens) -> SessionBuilder {
    Session::builder(preset)
        .token_url(server.token_url())
        .client_id(PUBLIC_CLIENT)
        .origin(&server.base_url)
        .credential(credential(tokens))
}

/// The same on a server that revokes everything when it sees a refresh token twice.
pub(crate) fn strict_family(server: &Server, tokens: &Tokens) -> SessionBuilder {
    oauth(server, "oauth2", tokens).rotation(Rotation::StrictFamily)
}

pub(crate) fn credential(tokens: &Tokens) -> Credential {
    Credential {
        access_token: Some(tokens.access_token.as_str().into()),
        refresh_token: Some(tokens.refresh_token.as_str().into()),
        ..Credential::default()
    }
}

pub(crate) fn client(session: &Session, server: &Server) -> Client {
    Client::new(session.clone(), &server.base_url).unwrap()
}

/// `n` GETs of `/api/data` at once: their statuses, or the kinds of their errors.
pub(crate) async fn get_at_once(client: &Client, n: usize) -> Vec<Result<u16, ErrorKind>> {
    let get = |client: Client| async move { get(&client).await };
    let calls: Vec<_> = (0..n).map(|_| tokio::spawn(get(client.clone()))).collect();
    let mut results = Vec::with_capacity(n);
    for call in calls {
        results.push(call.await.unwrap());
    }
    results
}

/// One of them.
pub(crate) async fn get(client: &Client) -> Result<u16, ErrorKind> {
    let response = client.get("/api/data").send().await.map_err(|error| error.kind())?;
    Ok(response.status().as_u16())
}

/// `n` good answers.
pub(crate) fn fine(n: usize) -> Vec<Result<u16, ErrorKind>> {
    vec![Ok(200); n]
}

/// Waits for an event of that name.
pub(crate) async fn told(events: &Events, name: &str) -> EventKind {
    loop {
        let event = events.next().await;
        if event.kind.name() == name {
            return event.kind;
        }
    }
}

/// The names of the events that are there.
pub(crate) fn names(events: &Events) -> Vec<&'static str> {
    std::iter::from_fn(|| events.try_next()).map(|event| event.kind.name()).collect()
}
