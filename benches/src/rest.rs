//! A session that nobody uses at the moment: what it keeps in memory.

use std::sync::Arc;
use std::time::Duration;

use rekindle::Session;
use rekindle::clock::Clock;
use rekindle::proto::Dialect;
use rekindle::store::MemoryStore;
use rekindle::transport::{ReqwestTransport, Transport, TransportOptions};
use tokio::runtime::{Builder, Runtime};

use crate::alloc::counted;

const SESSIONS: i64 = 1_000;

/// Bytes of one session among many of one application, one for each of its users: they have dialect, transport and
/// configuration in common, and tokens, store and state of their own.
pub(crate) fn bytes(clock: &Arc<dyn Clock>) -> i64 {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let dialect = Dialect::preset("oauth2").expect("a preset");
    let transport: Arc<dyn Transport> =
        Arc::new(ReqwestTransport::new(TransportOptions::default()).expect("a transport"));
    let mut sessions = Vec::with_capacity(1_000);
    // What the first ones make for all.
    let warm: Vec<Session> = (0..10).map(|_| session(&runtime, &dialect, &transport, clock)).collect();
    let ((), allocated) = counted(|| {
        sessions.extend((0..SESSIONS).map(|_| session(&runtime, &dialect, &transport, clock)));
    });
    drop((warm, sessions));
    allocated.live / SESSIONS
}

/// One that has served its token.
fn session(
    runtime: &Runtime,
    dialect: &Dialect,
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock>,
) -> Session {
    let session = Session::builder(dialect.clone())
        .token_url("https://auth.example.com/oauth/token")
        .client_id("app")
        .tokens("at-0123456789abcdef0123456789abcdef", "rt-0123456789abcdef0123456789abcdef")
        .expires_in(Duration::from_secs(3600))
        .origin("https://api.example.com")
        .store(MemoryStore::new())
        .transport(Arc::clone(transport))
        .clock(Arc::clone(clock))
        .build()
        .expect("a session");
    runtime.block_on(async {
        session.token().await.expect("a token");
        assert!(session.shutdown(Duration::from_secs(5)).await);
    });
    session
}
