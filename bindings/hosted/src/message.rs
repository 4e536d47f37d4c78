//! What a host says.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::settings::{Seed, Settings};

/// One message. `call` numbers what is answered by a `done`, once.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Message {
    Session {
        call: u64,
        session: u32,
        settings: Box<Settings>,
    },
    Forget {
        session: u32,
    },
    Token {
        call: u64,
        session: u32,
        #[serde(default)]
        min_life_ms: Option<u64>,
    },
    TokenIfValid {
        call: u64,
        session: u32,
    },
    Refresh {
        call: u64,
        session: u32,
    },
    ForceRefresh {
        call: u64,
        session: u32,
    },
    Invalidate {
        session: u32,
    },
    /// The host's store says that others may have written.
    Changed {
        session: u32,
    },
    SignIn {
        call: u64,
        session: u32,
        credential: Seed,
    },
    SignOut {
        call: u64,
        session: u32,
    },
    Status {
        call: u64,
        session: u32,
        #[serde(default)]
        fresh: bool,
    },
    Stats {
        call: u64,
        session: u32,
    },
    Shutdown {
        call: u64,
        session: u32,
        ms: u64,
    },
    /// A request of the host's HTTP client begins: which headers go along?
    Begin {
        call: u64,
        session: u32,
        request: u64,
        method: String,
        url: String,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: Outgoing,
        #[serde(default)]
        timeout_ms: Option<u64>,
    },
    /// Its response: what follows?
    Answered {
        call: u64,
        request: u64,
        #[serde(flatten)]
        response: Answer,
    },
    /// It was led elsewhere.
    Redirected {
        call: u64,
        request: u64,
        status: u16,
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// The host's HTTP client followed redirects by itself, to this URL.
    Followed {
        request: u64,
        url: String,
    },
    /// Nothing more is asked about that request.
    End {
        request: u64,
    },
    /// Nobody waits for that call any more.
    Cancel {
        call: u64,
    },
    /// The answer to an effect.
    Answer {
        op: u64,
        #[serde(flatten)]
        answer: Value,
    },
}

/// What is known of a request's body.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outgoing {
    #[default]
    None,
    /// It can be sent again.
    Replayable,
    /// It can be sent once.
    Once,
    /// All of it, where GraphQL may be in it.
    Text(String),
}

/// A response, as far as it is judged.
#[derive(Default, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: String,
    /// In place of `body`, where that is no UTF-8.
    #[serde(default)]
    pub(crate) body_base64: Option<String>,
}

/// A server's: what makes no header is left out.
pub(crate) fn lenient_headers(pairs: &[(String, String)]) -> HeaderMap {
    let parsed = pairs.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    });
    let mut headers = HeaderMap::new();
    for (name, value) in parsed {
        headers.append(name, value);
    }
    headers
}
