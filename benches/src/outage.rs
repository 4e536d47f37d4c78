//! A token endpoint that fails for a minute, and a thousand callers that go on asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use rekindle::Session;
use rekindle::clock::{Clock as _, ManualClock};
use rekindle::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

const MINUTE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(100);

/// How many requests the endpoint got in that minute, on average over `runs`.
pub(crate) fn requests(callers: usize, runs: u32) -> f64 {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let all: u64 = (0..runs).map(|_| runtime.block_on(minute(callers))).sum();
    all as f64 / f64::from(runs)
}

/// Everybody asks ten times a second, as long as there is no token.
async fn minute(callers: usize) -> u64 {
    let (clock, endpoint) = (ManualClock::new(), Arc::new(Failing::default()));
    let session = living_a_second(&clock, &endpoint);
    session.token().await.expect("a token");
    clock.advance(Duration::from_secs(2));
    let until = clock.now().mono + MINUTE;
    let tasks: JoinSet<()> = (0..callers).map(|_| caller(session.clone(), clock.clone(), until)).collect();
    while clock.now().mono < until {
        // What this step brings about is done on other threads, too: give it time.
        tokio::time::sleep(Duration::from_millis(1)).await;
        clock.advance(STEP);
    }
    drop(tasks);
    endpoint.asked.load(Ordering::Relaxed)
}

async fn caller(session: Session, clock: ManualClock, until: Duration) {
    while clock.now().mono < until {
        assert!(session.token().await.is_err());
        clock.sleep_until(clock.now().mono + STEP).await;
    }
}

fn living_a_second(clock: &ManualClock, endpoint: &Arc<Failing>) -> Session {
    Session::builder("oauth2")
        .token_url("https://auth.example.com/token")
        .tokens("at-1", "rt-1")
        .expires_in(Duration::from_secs(1))
        .transport(Arc::clone(endpoint) as Arc<dyn Transport>)
        .clock(clock.clone())
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
        Ok(TransportResponse::whole(StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new(), ""))
    }
}
