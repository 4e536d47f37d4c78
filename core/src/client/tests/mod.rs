//! The client over a scripted transport, with the clock turned by hand: every send is counted.

#[cfg(feature = "cookies")]
mod cookies;
mod graphql;
mod idle_timeout;
mod input;
mod own_client;
mod reading;
mod redirects;
mod replays;
mod retries;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::lock::Mutex;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use rekindle_proto::{Dialect, RefreshInput, TokenResponse};
use url::Url;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::session::{Events, Refresh, RefreshError};
use crate::transport::{Outgoing, Sent, Transport, TransportError, TransportRequest, TransportResponse};

pub(super) const BASE: &str = "https://api.test/v1";

/// A client, its session, and what travels.
pub(super) struct Stage {
    pub(super) client: Client,
    pub(super) session: Session,
    pub(super) wire: Arc<Wire>,
    pub(super) clock: ManualClock,
    pub(super) mint: Arc<Mint>,
    events: Events,
}

/// What one request looked like on the wire.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.header("authorization").map(|value| value.trim_start_matches("Bearer sentinel-token-"))
    }
}

/// A transport that answers by script, then with 200s.
#[derive(Default)]
pub(super) struct Wire {
    script: Mutex<VecDeque<Play>>,
    pub(super) seen: Mutex<Vec<Seen>>,
}

pub(super) enum Play {
    Reply(Reply),
    Fail(Sent),
    Hang,
}

#[derive(Default)]
pub(super) struct Reply {
    status: u16,
    headers: HeaderMap,
    chunks: Vec<&'static str>,
    breaks: bool,
}

pub(super) fn reply(status: u16) -> Reply {
    Reply { status, ..Reply::default() }
}

impl Reply {
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(super) fn body(self, text: &'static str) -> Self {
        self.chunks(&[text])
    }

    pub(super) fn chunks(mut self, chunks: &[&'static str]) -> Self {
        self.chunks = chunks.to_vec();
        self
    }

    pub(super) fn json(self, text: &'static str) -> Self {
        self.header("content-type", "application/json; charset=utf-8").body(text)
    }

    pub(super) fn breaks(mut self) -> Self {
        self.breaks = true;
        self
    }

    pub(super) fn to(self, location: &str) -> Self {
        self.header("location", location)
    }
}

impl From<Reply> for Play {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl Wire {
    pub(super) fn sends(&self) -> usize {
        self.seen.lock().len()
    }

    /// The generations of the tokens that went out; `-` is none.
    pub(super) fn tokens(&self) -> String {
        self.seen
            .lock()
            .iter()
            .map(|seen| seen.token().unwrap_or("-").to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let body = match request.body {
            Outgoing::Empty => Vec::new(),
            Outgoing::Bytes(bytes) => bytes.to_vec(),
            Outgoing::Stream(stream, _) => stream.map(Result::unwrap).collect::<Vec<_>>().await.concat(),
        };
        let TransportRequest { method, url, headers, .. } = request;
        self.seen.lock().push(Seen { method, url, headers, body });
        let play = self.script.lock().pop_front();
        match play.unwrap_or(Play::Reply(reply(200))) {
            Play::Reply(reply) => Ok(reply.into_response()),
            Play::Fail(sent) => Err(TransportError::new(sent, "scripted")),
            Play::Hang => std::future::pending().await,
        }
    }
}

impl Reply {
    fn into_response(self) -> TransportResponse {
        let broken = || Err(TransportError::new(Sent::Maybe, "broke"));
        let chunks = self.chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));
        TransportResponse {
            status: StatusCode::from_u16(self.status).unwrap(),
            version: Version::HTTP_11,
            headers: self.headers,
            body: Box::pin(stream::iter(chunks.chain(self.breaks.then(broken)))),
        }
    }
}

pub(super) fn stage(script: impl IntoIterator<Item = Play>) -> Stage {
    stage_with(script, |session| Client::builder(session).base_url(BASE))
}

pub(super) fn stage_with(
    script: impl IntoIterator<Item = Play>,
    build: impl FnOnce(Session) -> ClientBuilder,
) -> Stage {
    stage_in(PLAIN, script, build)
}

/// A 418 may have been applied; header and scheme are the usual ones, `x-school` is a credential too.
const PLAIN: &str = r#"
name = "stage"
token.credential_headers = ["x-school"]
token_endpoint.url = "https://auth.test/token"

[[api.rules]]
status = 418
verdict = "expired"
applied = "maybe"
"#;

/// The same, and errors come with status 200.
pub(super) const TELLING: &str = r#"
name = "telling"
token_endpoint.url = "https://auth.test/token"

[[api.rules]]
status = 200
path = "expired"
any = true
verdict = "expired"
applied = "no"
"#;

pub(super) fn stage_in(
    dialect: &str,
    script: impl IntoIterator<Item = Play>,
    build: impl FnOnce(Session) -> ClientBuilder,
) -> Stage {
    let clock = ManualClock::new();
    let wire = Arc::new(Wire { script: Mutex::new(script.into_iter().collect()), ..Wire::default() });
    let mint = Arc::new(Mint::default());
    let transport: Arc<dyn Transport> = Arc::<Wire>::clone(&wire);
    let session = Session::builder(Dialect::from_toml(dialect, "stage.toml").unwrap())
        .tokens("sentinel-token-1", "sentinel-refresh")
        .origins(["https://api.test", "https://files.test"])
        .refresh_with(Mint::clone(&mint))
        .rotation(rekindle_proto::Rotation::Strict)
        .transport(transport)
        .clock(clock.clone())
        .build()
        .unwrap();
    let events = session.events();
    let client = build(session.clone()).build().unwrap();
    Stage { client, session, wire, clock, mint, events }
}

/// Where the stage's tokens come from.
#[derive(Clone, Default)]
pub(super) struct Mint {
    made: Arc<Mutex<u64>>,
    pub(super) fails: Arc<Mutex<Option<RefreshError>>>,
}

#[async_trait]
impl Refresh for Mint {
    async fn refresh(&self, _: RefreshInput) -> Result<TokenResponse, RefreshError> {
        if let Some(failure) = self.fails.lock().clone() {
            return Err(failure);
        }
        let mut made = self.made.lock();
        *made += 1;
        Ok(TokenResponse::new(format!("sentinel-token-{}", *made + 1)))
    }
}

impl Stage {
    /// Runs `work`; whenever it waits for time and nothing else, the clock is turned to the next due time.
    pub(super) async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            // The engine has a thread of its own: it gets the time to do what needs no time of the clock's.
            for _ in 0..2 {
                tokio::select! {
                    biased;
                    done = &mut work => return done,
                    _ = self.session.shutdown(Duration::MAX) => {}
                }
                tokio::select! {
                    biased;
                    done = &mut work => return done,
                    () = tokio::task::yield_now() => {}
                }
            }
            if let Some(due) = self.clock.next_due() {
                self.clock.advance(due.saturating_sub(self.clock.now().mono));
            }
        }
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        self.drive(request.send()).await
    }

    /// How far the clock was turned.
    pub(super) fn waited(&self) -> Duration {
        self.clock.now().mono - ManualClock::new().now().mono
    }

    /// What was told of requests; what is told of refreshes is the session's own matter.
    pub(super) fn events(&self) -> Vec<&'static str> {
        let told = std::iter::from_fn(|| self.events.try_next()).map(|event| event.kind.name());
        told.filter(|name| matches!(*name, "Replayed" | "Retried")).collect()
    }

    /// Lets what the engine still does in the background come to its end.
    pub(super) async fn rest(&self) {
        assert!(self.session.shutdown(Duration::MAX).await);
    }

    pub(super) fn refreshes(&self) -> u64 {
        self.session.stats().refreshes
    }
}

#[test]
fn what_travels_between_threads_may() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Client>();
    crosses::<RequestBuilder>();
    crosses::<Response>();
    crosses::<BodyStream>();
    crosses::<Body>();
    fn sends<T: Send>(_: T) {}
    let stage = stage([]);
    sends(stage.client.get("/").send());
    sends(stage.client.graphql::<serde_json::Value>("{ a }", ()));
}
