//! Threads do at once, and at random, what callers may do, to a session whose server turns tokens away and may
//! end the sign-in at any time. What must hold whatever the order:
//!
//! - no refresh token is sent twice (spec 5.1);
//! - nobody is forgotten: every call comes back (spec 4.1);
//! - LoginRequired is told once, and only if the server ended the sign-in (spec 10.1).
//!
//! A failure names its seed: `REKINDLE_SEED=... cargo test -p rekindle --test interleavings`. The threads are real,
//! so a seed makes the same calls, and not always the same order.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rekindle::clock::ManualClock;
use rekindle::transport::{Outgoing, Transport, TransportError, TransportRequest, TransportResponse};
use rekindle::{Client, ErrorKind, Rotation, Session};

const LIFETIME: Duration = Duration::from_secs(900);
const THREADS: u64 = 4;
const ROUNDS: u64 = 4;
const CALLS: u64 = 6;
/// For all seeds together, on the machine's own clock.
const BUDGET: Duration = Duration::from_secs(3);
/// However slow that is.
const LEAST: u64 = 40;
/// Far above what a round takes.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// splitmix64: small, and good enough to choose calls.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

/// A token endpoint with strict rotation, and the API behind it.
struct Server(Mutex<State>);

struct State {
    random: Random,
    generation: u64,
    /// The access token of this generation was revoked.
    revoked: bool,
    /// The sign-in was ended.
    ended: bool,
    told: bool,
    may_end: bool,
    sent: BTreeMap<String, u32>,
}

impl Server {
    fn new(seed: u64) -> Arc<Self> {
        let mut random = Random(seed);
        let may_end = random.below(2) == 0;
        Arc::new(Self(Mutex::new(State {
            random,
            generation: 1,
            revoked: false,
            ended: false,
            told: false,
            may_end,
            sent: BTreeMap::new(),
        })))
    }

    fn answer(&self, request: &TransportRequest) -> (u16, String) {
        let mut state = self.0.lock().unwrap();
        match &request.body {
            Outgoing::Bytes(form) if request.url.path() == "/token" => state.refresh(form),
            _ => state.call(request.headers.get(header::AUTHORIZATION)),
        }
    }

    /// How often the others may run before the answer is there.
    fn pause(&self) -> u64 {
        self.0.lock().unwrap().random.below(4)
    }
}

impl State {
    fn refresh(&mut self, form: &Bytes) -> (u16, String) {
        let form = std::str::from_utf8(form).unwrap();
        let token = form.split('&').find_map(|field| field.strip_prefix("refresh_token=")).unwrap();
        *self.sent.entry(token.to_owned()).or_default() += 1;
        if self.ended || token != format!("rt-{}", self.generation) {
            self.told = true;
            return (400, r#"{"error":"invalid_grant"}"#.to_owned());
        }
        self.generation += 1;
        self.revoked = false;
        let (next, seconds) = (self.generation, LIFETIME.as_secs());
        let grant = format!(
            r#"{{"access_token":"at-{next}","refresh_token":"rt-{next}","expires_in":{seconds},"token_type":"Bearer"}}"#
        );
        (200, grant)
    }

    fn call(&mut self, token: Option<&HeaderValue>) -> (u16, String) {
        if self.random.below(8) == 0 {
            self.revoked = true;
            self.ended |= self.may_end && self.random.below(4) == 0;
        }
        let current = format!("Bearer at-{}", self.generation);
        let good = token.is_some_and(|token| *token == current) && !self.revoked;
        (if good { 200 } else { 401 }, "{}".to_owned())
    }
}

/// The way there.
struct Wire(Arc<Server>);

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let (status, body) = self.0.answer(&request);
        for _ in 0..self.0.pause() {
            tokio::task::yield_now().await;
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == 401 {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        Ok(TransportResponse::whole(StatusCode::from_u16(status).unwrap(), headers, body))
    }
}

fn session(server: &Arc<Server>, clock: &Arc<ManualClock>) -> Session {
    Session::builder("oauth2")
        .token_url("https://auth.test/token")
        .client_id("app")
        .tokens("at-1", "rt-1")
        .expires_in(LIFETIME)
        .rotation(Rotation::Strict)
        .origin("https://api.test")
        // The clock is turned while others wait.
        .wait_timeout(Duration::from_secs(1_000_000))
        .transport(Wire(server.clone()))
        .clock(clock.clone())
        .build()
        .unwrap()
}

/// What one thread does in one round.
fn calls(client: &Client, clock: &ManualClock, mut random: Random) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..CALLS {
            call(client, clock, &mut random).await;
        }
    });
}

async fn call(client: &Client, clock: &ManualClock, random: &mut Random) {
    let session = client.session();
    let ended = match random.below(8) {
        0 => session.token().await.err(),
        1 => session.refresh().await.err(),
        2 => return session.invalidate(),
        // A caller who goes away.
        3 => return drop(tokio::time::timeout(Duration::ZERO, session.token()).await),
        // Less than a send may take, all together.
        4 => return clock.advance(Duration::from_secs(1)),
        _ => client.get("https://api.test/data").send().await.err(),
    };
    let Some(error) = ended else { return };
    let may = [ErrorKind::LoginRequired, ErrorKind::RefreshLimited];
    assert!(may.contains(&error.kind()), "{error}");
}

/// How many refreshes there were, and whether the sign-in ended.
fn explore(seed: u64) -> (usize, bool) {
    let clock = Arc::new(ManualClock::new());
    let server = Server::new(seed);
    let session = session(&server, &clock);
    let client = Client::new(session.clone(), "https://api.test").unwrap();
    let events = session.events();
    for round in 0..ROUNDS {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (client, clock) = (client.clone(), clock.clone());
                let random = Random(seed ^ (round << 32) ^ (thread + 1));
                std::thread::spawn(move || calls(&client, &clock, random))
            })
            .collect();
        let since = Instant::now();
        while !threads.iter().all(std::thread::JoinHandle::is_finished) {
            assert!(since.elapsed() < FORGOTTEN, "somebody waits for ever");
            std::thread::sleep(Duration::from_millis(1));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        settle(&session);
        clock.advance(Duration::from_secs(Random(seed + round).below(2 * LIFETIME.as_secs())));
    }
    let state = server.0.lock().unwrap();
    let twice: Vec<_> = state.sent.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");
    let told = std::iter::from_fn(|| events.try_next()).filter(|event| event.kind.name() == "LoginRequired");
    assert_eq!(told.count(), usize::from(state.told));
    assert!(!state.told || state.ended, "a refresh token was spent that was not the newest");
    (state.sent.len(), state.told)
}

fn settle(session: &Session) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settled =
        runtime.block_on(async { tokio::time::timeout(FORGOTTEN, session.shutdown(FORGOTTEN)).await });
    assert!(settled.unwrap(), "something stays under way");
}

#[test]
fn whatever_the_order_one_refresh_one_verdict_and_nobody_forgotten() {
    if let Ok(seed) = std::env::var("REKINDLE_SEED") {
        explore(seed.parse().unwrap());
        return;
    }
    let (first, since) = (RandomState::new().hash_one("rekindle") >> 1, Instant::now());
    let more = |seed: &u64| *seed < first + LEAST || since.elapsed() < BUDGET;
    let explored = (first..).take_while(more).map(|seed| {
        let done = std::panic::catch_unwind(|| explore(seed));
        done.unwrap_or_else(|_| panic!("REKINDLE_SEED={seed}: see above"))
    });
    let explored: Vec<_> = explored.collect();
    // Else it has seen nothing.
    assert!(explored.iter().any(|(refreshes, _)| *refreshes > 1));
    assert!(explored.iter().any(|(_, ended)| *ended) && explored.iter().any(|(_, ended)| !ended));
}
