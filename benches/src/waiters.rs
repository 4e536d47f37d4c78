//! A hundred thousand callers that wait for one refresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rekindle::TokenResponse;
use rekindle::{Refresh, RefreshError, RefreshInput, Session};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::alloc::counted;
use crate::measure::{Compared, Took, by_process, compared};

const WAITERS: usize = 100_000;

/// What was found.
pub(crate) struct Figures {
    /// Of each crowd.
    pub(crate) refreshes: Vec<u64>,
    /// Waking them all, against a bare watch.
    pub(crate) waking: Compared,
    /// Of one waiter, its task included.
    pub(crate) bytes: i64,
    /// The same on a bare watch.
    pub(crate) bare_bytes: i64,
}

pub(crate) fn measured(rounds: usize) -> Figures {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (mut refreshes, mut bytes, mut bare_bytes) = (Vec::new(), 0, 0);
    let ours = || {
        let crowd = crowd(&runtime, &mut refreshes);
        bytes = crowd.bytes;
        crowd.waking
    };
    let theirs = || {
        let crowd = bare_crowd(&runtime);
        bare_bytes = crowd.bytes;
        crowd.waking
    };
    let waking = compared(rounds, WAITERS, ours, theirs);
    Figures { refreshes, waking, bytes, bare_bytes }
}

struct Crowd {
    waking: Took,
    bytes: i64,
}

fn crowd(runtime: &Runtime, refreshes: &mut Vec<u64>) -> Crowd {
    let endpoint = Endpoint::default();
    let (gate, asked) = (Arc::clone(&endpoint.gate), Arc::clone(&endpoint.asked));
    let session = invalidated(runtime, endpoint);
    let caller = || {
        let session = session.clone();
        async move { drop(session.token().await.expect("a token")) }
    };
    let before = session.stats().waiters + WAITERS as u64 - 1;
    let all_wait = || session.stats().waiters > before && asked.load(Ordering::Relaxed) > 0;
    let crowd = gathered(runtime, caller, all_wait, || gate.add_permits(1));
    refreshes.push(asked.load(Ordering::Relaxed));
    crowd
}

fn bare_crowd(runtime: &Runtime) -> Crowd {
    let (sender, receiver) = watch::channel(None);
    let come = Arc::new(AtomicU64::new(0));
    let caller = || {
        let (mut receiver, come) = (receiver.clone(), Arc::clone(&come));
        async move {
            come.fetch_add(1, Ordering::Relaxed);
            drop(
                receiver
                    .wait_for(Option::is_some)
                    .await
                    .map(|token: watch::Ref<'_, Option<Arc<str>>>| token.clone()),
            );
        }
    };
    let all_wait = || come.load(Ordering::Relaxed) >= WAITERS as u64;
    gathered(runtime, caller, all_wait, || drop(sender.send_replace(Some("at-2".into()))))
}

/// Lets them come, then wakes them.
fn gathered<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    caller: impl Fn() -> F,
    all_wait: impl Fn() -> bool,
    wake: impl FnOnce(),
) -> Crowd {
    let _inside = runtime.enter();
    // The list that they are kept in is not theirs.
    let mut tasks = Vec::with_capacity(WAITERS);
    let ((), allocated) = counted(|| {
        tasks.extend((0..WAITERS).map(|_| tokio::spawn(caller())));
        runtime.block_on(until(all_wait));
    });
    let waking = by_process(|| {
        wake();
        runtime.block_on(joined(tasks));
    });
    Crowd { waking, bytes: allocated.live / WAITERS as i64 }
}

async fn until(all_wait: impl Fn() -> bool) {
    while !all_wait() {
        tokio::task::yield_now().await;
    }
}

async fn joined(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.expect("a caller");
    }
}

fn invalidated(runtime: &Runtime, endpoint: Endpoint) -> Session {
    let session = Session::builder("oauth2")
        .token_url("https://auth.example.com/token")
        .tokens("at-1", "rt-1")
        .expires_in(Duration::from_secs(3600))
        .refresh_with(endpoint)
        .build()
        .expect("a session");
    // The store has been read before they come.
    runtime.block_on(session.token()).expect("a token");
    session.invalidate();
    session
}

/// Answers once its gate is open.
struct Endpoint {
    gate: Arc<Semaphore>,
    asked: Arc<AtomicU64>,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), asked: Arc::default() }
    }
}

#[async_trait]
impl Refresh for Endpoint {
    async fn refresh(&self, _: RefreshInput) -> Result<TokenResponse, RefreshError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let _passed = self.gate.acquire().await;
        Ok(TokenResponse::new("at-2"))
    }
}
