//! A token endpoint that fails for a minute, and a thousand callers that go on asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use http::{HeaderMap, StatusCode, Version};
use rekindle::Session;
use rekindle::clock::{Clock as _, ManualClock};
use rekindle::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

const MINUTE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(100);

/// How many requests the endpoint got in that minute, and how many the back-off allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) allowed: u64,
}

pub(crate) fn with(callers: usize) -> Seen {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(minute(callers))
}

/// Everybody asks at each step; the back-off allows a request when the instant that it named has come.
async fn minute(callers: usize) -> Seen {
    let (clock, endpoint) = (ManualClock::new(), Arc::new(Failing::default()));
    let session = living_a_second(&clock, &endpoint);
    session.token().await.expect("a token");
    clock.advance(Duration::from_secs(2));
    let (until, mut allowed, mut next) = (clock.now().mono + MINUTE, 0, Duration::ZERO);
    while clock.now().mono < until {
        if clock.now().mono >= next {
            allowed += 1;
        }
        ask(&session, callers).await;
        next = clock.now().mono + session.status().backoff.unwrap_or_default();
        clock.advance(STEP);
    }
    Seen { requests: endpoint.asked.load(Ordering::Relaxed), allowed }
}

async fn ask(session: &Session, callers: usize) {
    let call = |_| {
        let session = session.clone();
        async move { assert!(session.token().await.is_err()) }
    };
    let mut tasks: JoinSet<()> = (0..callers).map(call).collect();
    while let Some(done) = tasks.join_next().await {
        done.expect("a caller");
    }
}

fn living_a_second(clock: &ManualClock, endpoint: &Arc<Failing>) -> Session {
    Session::builder("oauth2")
        .token_url("https://auth.example.com/token")
        .tokens("at-1", "rt-1")
        .expires_in(Duration::from_secs(1))
        .transport(Arc::clone(endpoint) as Arc<dyn Transport>)
        .clock(Arc::new(clock.clone()))
        .build()
        .expect("a session")
}

#[derive(Default)]
struct Failing {
    asked: AtomicU64,
}

#[async_trait]
impl Transport for Failing {
    async fn send(&self, _: TransportRequest) -> Result<TransportResponse, TransportError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(TransportResponse {
            status: StatusCode::SERVICE_UNAVAILABLE,
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            body: Box::pin(stream::empty()),
        })
    }
}
