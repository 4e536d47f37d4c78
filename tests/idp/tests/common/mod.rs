//! Plain HTTP for the tests of the servers themselves.
#![allow(dead_code)] // each test file uses its part

pub(crate) mod browser;
pub(crate) mod kept;
pub(crate) mod proxy;

use std::time::{Duration, Instant};

use rekindle_idp::{PUBLIC_CLIENT, Server};
use serde_json::{Value, json};

/// Status and JSON body of an answer; a body that is no JSON is `Null`.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        Self { status, body: response.json().await.unwrap_or(Value::Null) }
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    /// The code of the first GraphQL error.
    pub(crate) fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
    }
}

pub(crate) fn client() -> reqwest::Client {
    // Beside rekindle, reqwest has TLS without a provider, and does not start without one even for plain http.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A refresh by the public client.
pub(crate) async fn refresh(server: &Server, refresh_token: &str) -> Answer {
    let fields =
        [("grant_type", "refresh_token"), ("client_id", PUBLIC_CLIENT), ("refresh_token", refresh_token)];
    Answer::of(client().post(server.token_url()).form(&fields).send().await.unwrap()).await
}

/// A GraphQL request; the token is left out where it is empty.
pub(crate) async fn graphql(server: &Server, path: &str, token: &str, query: &str) -> Answer {
    let mut request = client().post(server.url(path)).json(&json!({ "query": query }));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    Answer::of(request.send().await.unwrap()).await
}

/// The same request `n` times in parallel.
pub(crate) async fn at_once<F>(n: usize, make: impl Fn() -> F) -> Vec<Answer>
where
    F: Future<Output = Answer>,
{
    let requests: Vec<_> = (0..n).map(|_| Box::pin(make())).collect();
    join(requests).await
}

async fn join<F: Future<Output = Answer> + Unpin>(mut pending: Vec<F>) -> Vec<Answer> {
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        pending.retain_mut(|f| match std::pin::Pin::new(f).poll(cx) {
            std::task::Poll::Ready(answer) => {
                done.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

/// Waits for what must come, instead of sleeping for as long as it should take.
pub(crate) async fn until(what: &str, mut happened: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
