//! Stores of the host's whose calls hang or panic: an error of the right kind or none, and never a flight without end
//! (spec 4.5, 7.2).
#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

mod waiting;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use rekindle::TokenResponse;
use rekindle::clock::{Clock as _, ManualClock};
use rekindle::store::{Changed, Expected, Loaded, MemoryStore, Owner, Saved, Store, Unavailable};
use rekindle::{Refresh, RefreshError, RefreshInput, Session};
use tokio::sync::Semaphore;
use waiting::until;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Announce,
    Retire,
    Owner,
}

#[derive(Clone, Copy)]
enum Fault {
    Hangs,
    Panics,
}

/// A memory store that sessions share as processes do; one of its calls is bad.
struct Bad(Arc<MemoryStore>, Call, Fault);

impl Bad {
    async fn at(&self, call: Call) {
        match self.2 {
            _ if self.1 != call => {}
            Fault::Hangs => std::future::pending().await,
            Fault::Panics => panic!("a bug of the host's"),
        }
    }
}

#[async_trait]
impl Store for Bad {
    fn identity(&self) -> Option<String> {
        None
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        self.0.load(key).await
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        self.0.save(key, record, expected).await
    }

    async fn announce(&self, _key: &str, _owner: &str) {
        self.at(Call::Announce).await;
    }

    async fn retire(&self, _key: &str, _owner: &str) {
        self.at(Call::Retire).await;
    }

    async fn owner(&self, _key: &str, _owner: &str) -> Owner {
        self.at(Call::Owner).await;
        Owner::Unknown
    }
}

/// Grants once it is let.
struct Grants {
    asked: AtomicU32,
    let_through: Semaphore,
}

impl Grants {
    fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self { asked: AtomicU32::new(0), let_through: Semaphore::new(at_once) })
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Acquire)
    }
}

struct By(Arc<Grants>);

#[async_trait]
impl Refresh for By {
    async fn refresh(&self, _spend: RefreshInput) -> Result<TokenResponse, RefreshError> {
        let number = 2 + self.0.asked.fetch_add(1, Ordering::AcqRel);
        self.0.let_through.acquire().await.unwrap().forget();
        let mut grant = TokenResponse::new(format!("AT-{number}"));
        grant.refresh_token = Some(format!("RT-{number}").as_str().into());
        Ok(grant)
    }
}

/// Its access token ends after a minute.
fn session(store: Bad, clock: &ManualClock, grants: &Arc<Grants>) -> Session {
    Session::builder("oauth2")
        .tokens("AT-1", "RT-1")
        .expires_in(Duration::from_secs(60))
        .store(store)
        .refresh_with(By(grants.clone()))
        .clock(clock.clone())
        .build()
        .unwrap()
}

/// Turns the clock to each timer that is due within seconds, until the work is done: to the end of what hangs, and not to
/// that of a caller's patience.
async fn in_time<T: Send + 'static>(
    clock: &ManualClock,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let work = tokio::spawn(work);
    until("the end of the work", || {
        let now = clock.now().mono;
        let left = clock.next_due().map(|due| due.saturating_sub(now));
        if let Some(left) = left.filter(|left| *left <= Duration::from_secs(6)) {
            clock.advance(left);
        }
        work.is_finished()
    })
    .await;
    work.await.unwrap()
}

// spec 4.5: what is best effort is bounded as well.
#[tokio::test]
async fn who_cannot_announce_or_retire_refreshes_all_the_same() {
    for call in [Call::Announce, Call::Retire] {
        for fault in [Fault::Hangs, Fault::Panics] {
            let (clock, grants) = (ManualClock::new(), Grants::new(10));
            let session = session(Bad(Arc::default(), call, fault), &clock, &grants);
            session.token().await.unwrap();
            for generation in 2..4 {
                session.invalidate();
                let kept = session.clone();
                let token = in_time(&clock, async move { kept.token().await }).await.unwrap();
                assert_eq!(token.generation(), generation);
            }
            assert_eq!(grants.asked(), 2);
        }
    }
}

// spec 7.4, 4.5
#[tokio::test]
async fn an_owner_that_cannot_be_asked_for_is_not_known_to_be_dead() {
    for fault in [Fault::Hangs, Fault::Panics] {
        let (clock, grants) = (ManualClock::new(), Grants::new(0));
        let shared = Arc::<MemoryStore>::default();
        let bad = || Bad(shared.clone(), Call::Owner, fault);
        let (first, second) = (session(bad(), &clock, &grants), session(bad(), &clock, &grants));
        first.token().await.unwrap();
        second.token().await.unwrap();
        clock.advance(Duration::from_secs(61));

        let one = tokio::spawn(async move { first.token().await });
        until("the first refresh", || grants.asked() == 1).await;
        let (two, mine) = (second.clone(), clock.clone());
        let two = tokio::spawn(async move { in_time(&mine, async move { two.token().await }).await });
        until("the second session's flight", || second.status().lease.is_some()).await;
        grants.let_through.add_permits(1);
        assert_eq!(one.await.unwrap().unwrap().generation(), 2);
        assert_eq!(two.await.unwrap().unwrap().generation(), 2);
        assert_eq!(grants.asked(), 1);
    }
}

// spec 7.5, 7.10
#[tokio::test]
async fn a_session_that_was_refused_goes_on_once_it_is_moved() {
    use rekindle::store::FileStore;
    let folder = tempfile::tempdir().unwrap();
    let store = || FileStore::new(folder.path().join("session"));
    let at = |url: &str| rekindle::Session::builder("oauth2").token_url(url.to_owned()).client_id("app");
    let old = at("https://auth.test/token").store(store()).tokens("at-1", "rt-1").build().unwrap();
    assert_eq!(old.token().await.unwrap().value(), "at-1");
    let moved = at("https://auth.test/v2/token").store(store()).build().unwrap();
    assert!(moved.token().await.unwrap_err().message().contains("rebind"));
    assert!(moved.rebind().await.unwrap());
    assert!(!moved.rebind().await.unwrap());
    assert_eq!(moved.token().await.unwrap().value(), "at-1");
}

/// A memory store that two sessions share as machines do, with a wake-up and a clock of its own.
struct Waking(Arc<MemoryStore>, Arc<tokio::sync::Notify>, Arc<AtomicU32>, Duration);

#[async_trait]
impl Store for Waking {
    fn identity(&self) -> Option<String> {
        None
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        self.2.fetch_add(1, Ordering::AcqRel);
        self.0.load(key).await
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let saved = self.0.save(key, record, expected).await;
        self.1.notify_waiters();
        saved
    }

    fn changed<'a>(&'a self, _: &'a str) -> Option<Changed<'a>> {
        Some(Box::pin(self.1.notified()))
    }

    async fn now(&self) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH + self.3)
    }
}

// spec 7.1, 4.5
#[tokio::test]
async fn who_waits_for_another_process_is_woken_by_the_store() {
    let (clock, grants) = (ManualClock::new(), Grants::new(0));
    let (memory, woken, loads) = (Arc::default(), Arc::default(), Arc::<AtomicU32>::default());
    let waking =
        || Waking(Arc::clone(&memory), Arc::clone(&woken), loads.clone(), Duration::from_secs(1 << 31));
    let of = |store: Waking| {
        Session::builder("oauth2")
            .tokens("AT-1", "RT-1")
            .expires_in(Duration::from_secs(60))
            .store(store)
            .refresh_with(By(grants.clone()))
            .clock(clock.clone())
            .build()
            .unwrap()
    };
    let (first, second) = (of(waking()), of(waking()));
    first.token().await.unwrap();
    second.token().await.unwrap();
    clock.advance(Duration::from_secs(61));
    let one = tokio::spawn(async move { first.token().await });
    until("the first refresh", || grants.asked() == 1).await;
    let waits = second.clone();
    let two = tokio::spawn(async move { waits.token().await });
    until("the second session's flight", || second.status().lease.is_some()).await;
    let before = loads.load(Ordering::Acquire);
    // Time stands still: nothing but the store can wake it, and the pause that it keeps in any case.
    grants.let_through.add_permits(1);
    until("the end of the wait", || {
        if one.is_finished() {
            clock.advance(Duration::from_millis(20));
        }
        two.is_finished()
    })
    .await;
    assert_eq!((one.await.unwrap().unwrap().generation(), two.await.unwrap().unwrap().generation()), (2, 2));
    assert_eq!(grants.asked(), 1);
    assert!(loads.load(Ordering::Acquire) - before <= 4, "it looks though nothing has changed");
}

// spec 4.5
#[tokio::test]
async fn a_lease_is_measured_on_the_stores_clock() {
    let grants = Grants::new(0);
    let memory = Arc::<MemoryStore>::default();
    let machine = |clock: &ManualClock, store_clock: Duration| {
        let waking = Waking(memory.clone(), Arc::default(), Arc::default(), store_clock);
        Session::builder("oauth2")
            .tokens("AT-1", "RT-1")
            .expires_in(Duration::from_secs(60))
            .store(waking)
            .refresh_with(By(grants.clone()))
            .clock(clock.clone())
            .build()
            .unwrap()
    };
    let store_clock = Duration::from_secs(1 << 31);
    let clock = ManualClock::new();
    let first = machine(&clock, store_clock);
    first.token().await.unwrap();
    clock.advance(Duration::from_secs(61));
    let one = tokio::spawn(async move { first.token().await });
    until("the first refresh", || grants.asked() == 1).await;
    // Another machine whose clock is days ahead; by the store's, the lease has hardly begun.
    let ahead = ManualClock::new();
    ahead.advance(Duration::from_secs(200_000));
    let second = machine(&ahead, store_clock + Duration::from_secs(1));
    let left = second.fresh_status().await.unwrap().lease.expect("a lease").1;
    assert!((Duration::from_secs(88)..=Duration::from_secs(89)).contains(&left), "{left:?}");
    one.abort();
}
