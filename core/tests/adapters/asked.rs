//! A request through an adapter, and what came of it.

use std::future::Future;

use http::Method;
use rekindle::Operation;
use rekindle::adapters::Judged;
use rekindle::{Error, ReplayRefused, Session};
use rekindle_test_server::AuthServer;
use serde_json::{Value, json};

/// A client with an adapter in it.
pub(crate) trait Through: Send + Sync + 'static {
    /// Whether it reads from a body what the request does; else it must be told.
    const READS_BODIES: bool;

    fn around(session: &Session) -> Self;

    fn ask(&self, asks: Asks) -> impl Future<Output = Result<Answered, Error>> + Send + 'static;
}

#[derive(Clone, Debug)]
pub(crate) struct Asks {
    pub(crate) method: Method,
    pub(crate) url: String,
    /// The caller's own.
    pub(crate) authorization: Option<&'static str>,
    /// JSON.
    pub(crate) body: String,
    pub(crate) operation: Option<Operation>,
}

impl Asks {
    pub(crate) fn data(server: &AuthServer) -> Self {
        Self { url: format!("{}/data", server.base_url()), ..Self::get() }
    }

    pub(crate) fn get() -> Self {
        let (method, url, body) = (Method::GET, String::new(), String::new());
        Self { method, url, authorization: None, body, operation: None }
    }

    pub(crate) fn graphql(server: &AuthServer, query: &str) -> Self {
        let body = json!({ "query": query }).to_string();
        Self { method: Method::POST, url: server.base_url(), body, ..Self::data(server) }
    }
}

#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) judged: Option<Judged>,
    pub(crate) body: Value,
}

impl Answered {
    pub(crate) fn judged(&self) -> (&'static str, Option<ReplayRefused>) {
        let judged = self.judged.as_ref().unwrap();
        (judged.verdict.name(), judged.replay_refused)
    }
}
