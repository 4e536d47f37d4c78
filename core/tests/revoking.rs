//! A grant for a sign-in that was ended is revoked, and no server holds that up for ever (spec 4.5, 4.6).
#![allow(missing_docs, clippy::unwrap_used)]

mod waiting;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rekindle::Dialect;
use rekindle::Session;
use rekindle::clock::ManualClock;
use rekindle::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use tokio::sync::Semaphore;
use waiting::until;

/// Grants once it is let, and never answers to a revocation.
struct Wire {
    asked: Arc<Semaphore>,
    grant: Arc<Semaphore>,
    revoking: Arc<()>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        if request.url.path() == "/revoke" {
            let _held = self.revoking.clone();
            return std::future::pending().await;
        }
        self.asked.add_permits(1);
        self.grant.acquire().await.unwrap().forget();
        let body = Bytes::from_static(
            br#"{"access_token": "at-2", "refresh_token": "rt-2", "token_type": "Bearer"}"#,
        );
        Ok(TransportResponse::whole(StatusCode::OK, HeaderMap::new(), body))
    }
}

// spec 4.5, 4.6
#[tokio::test]
async fn a_revocation_that_hangs_is_given_up_when_a_refresh_would_be() {
    let (asked, grant, revoking) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)), Arc::new(()));
    let wire = Wire { asked: asked.clone(), grant: grant.clone(), revoking: revoking.clone() };
    let clock = ManualClock::new();
    let dialect =
        Dialect::from_toml("[revoke]\nurl = \"https://auth.test/revoke\"\n", "revoking.toml").unwrap();
    let session = Session::builder(dialect)
        .token_url("https://auth.test/token")
        .client_id("app")
        .tokens("at-1", "rt-1")
        .send_timeout(Duration::from_secs(40))
        .transport(wire)
        .clock(clock.clone())
        .build()
        .unwrap();
    session.token().await.unwrap();
    session.invalidate();
    let caller = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    asked.acquire().await.unwrap().forget();
    session.sign_out().await.unwrap();
    assert!(caller.await.unwrap().unwrap_err().is_signed_out());
    grant.add_permits(1);
    let under_way = || Arc::strong_count(&revoking) > 2;
    until("the revocation", under_way).await;
    clock.advance(Duration::from_secs(39));
    assert!(under_way());
    clock.advance(Duration::from_secs(1));
    until("its end", || !under_way()).await;
}
