//! Asks the machine and carries out its decisions: wakes waiters, publishes, reports; I/O runs on the engine's own
//! runtime (`store_work.rs`, `network.rs`, `timers.rs`).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use rekindle_proto::event::{Event, EventKind, Warning};
use rekindle_proto::machine::{Current, Effect, Entropy, Machine, OpId, OriginId, Settled, Snapshot, Ticket};
use rekindle_proto::{Credential, ErrorKind, Failure, Now};
use tokio::sync::Notify;
use url::Url;

use super::events::Dispatcher;
use super::login::LoginState;
use super::origins::same;
use super::reentrancy;
use super::registry::Registry;
use super::setup::Setup;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use super::telemetry;
use super::token::{Published, Served};
use super::token_source::reentrant;
use super::waiters::{Done, WaitGroup, Waiter, Waiters};
use crate::fork::{PerProcess, ProcessLocal};
use crate::lock::Mutex;
use crate::platform::TaskHandle;
use crate::store::DEFAULT_KEY;

mod network;
mod seed;
mod store_work;
mod timers;

use seed::seed_tag;

/// What sessions with the same store and configuration share (spec 4.2).
pub(crate) struct Engine {
    process: PerProcess<ProcessState>,
    pub(crate) setup: Arc<Setup>,
    /// Until the store has been read: a child that is forked before uses it, too.
    seed: ArcSwapOption<(Credential, Now)>,
    published: ArcSwap<Published>,
    pub(crate) events: Dispatcher,
    /// The key of this session's record.
    pub(super) key: Arc<str>,
    /// The registry in which it is found by that key.
    sessions: Option<Arc<Registry<Self>>>,
    /// A tag that distinguishes the seed from others; 0: there was none.
    seeded_with: AtomicU64,
    /// The origins by number, for all sessions that share this state.
    origins: ArcSwap<Vec<Arc<Url>>>,
    login: PerProcess<LoginState>,
    /// How many sessions hold this engine.
    pub(super) holders: AtomicU32,
}

/// The work in progress in one process; a forked child starts with none (spec 4.9).
struct ProcessState {
    state: Mutex<State>,
    /// How many threads are waking waiters.
    waking: AtomicU32,
    forked: bool,
}

struct State {
    machine: Machine,
    waiters: Waiters,
    sends: BTreeMap<OpId, TaskHandle>,
    /// Boxed, because most sessions are at rest most of the time.
    timer: Option<Box<(Duration, TaskHandle)>>,
}

/// What to do after the lock has been released.
#[derive(Default)]
struct PendingActions {
    wake: Vec<(WaitGroup, Done)>,
    /// Waiters to wake when no work is in progress.
    rests: bool,
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    told: Vec<Event>,
    store: Vec<Effect>,
    network: Vec<Effect>,
}

impl Engine {
    pub(crate) fn new(
        setup: Arc<Setup>,
        seed: Option<Credential>,
        entropy: Entropy,
        key: Arc<str>,
        sessions: Option<Arc<Registry<Self>>>,
    ) -> Arc<Self> {
        let given = seed.as_ref().map(|_| setup.clock.now());
        let machine = Machine::new(setup.machine.clone(), seed.clone(), entropy);
        let machine = keyed(machine.given_at(given.unwrap_or_default()), &key);
        Arc::new(Self {
            process: PerProcess::of(ProcessState::new(machine)),
            published: ArcSwap::default(),
            events: Dispatcher::new(setup.subscribers.clone(), setup.totals.clone()),
            key,
            sessions,
            seeded_with: AtomicU64::new(seed.as_ref().map_or(0, seed_tag)),
            origins: ArcSwap::new(setup.known.clone()),
            login: PerProcess::new(),
            holders: AtomicU32::new(0),
            setup,
            seed: ArcSwapOption::new(seed.zip(given).map(Arc::new)),
        })
    }

    /// Whether a session holds it. Work in the background may keep it alive a moment longer.
    pub(crate) fn is_held(&self) -> bool {
        self.holders.load(Ordering::Acquire) > 0
    }

    /// Whether no work is in progress, and everything is saved and reported.
    pub(crate) fn is_settled(&self) -> bool {
        self.look(|machine, _| machine.idle()) && self.events.is_delivered()
    }

    /// A URL's origin, shared, and its number.
    pub(crate) fn origin(&self, url: &Url) -> (Arc<Url>, OriginId) {
        let find = |origins: &[Arc<Url>]| origins.iter().position(|known| same(known, url));
        let mut known = self.origins.load_full();
        if find(&known).is_none() {
            let new = Arc::new(url.clone());
            let add = |known: &Arc<Vec<Arc<Url>>>| match find(known) {
                Some(_) => known.clone(),
                None => Arc::new(known.iter().chain([&new]).cloned().collect()),
            };
            self.origins.rcu(add);
            known = self.origins.load_full();
        }
        let place = find(&known).unwrap_or_default();
        (known[place].clone(), OriginId::try_from(place).unwrap_or(OriginId::MAX))
    }

    /// An origin's name, the same in every process.
    pub(crate) fn origin_name(&self, id: OriginId) -> String {
        let known = self.origins.load();
        known.get(usize::from(id)).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// What the fast path reads: without a lock and without writing shared memory.
    pub(crate) fn published(&self) -> arc_swap::Guard<Arc<Published>> {
        self.published.load()
    }

    /// Asks the machine, and carries out its effects.
    pub(crate) fn ask<T>(self: &Arc<Self>, question: impl FnOnce(&mut Machine, Now) -> T) -> T {
        self.ask_and_wait(Duration::ZERO, |machine, now| (question(machine, now), None)).0
    }

    /// Asks the machine. If it returns a ticket, atomically starts waiting for it, until `deadline` on the monotonic
    /// clock.
    pub(crate) fn ask_and_wait<T>(
        self: &Arc<Self>,
        deadline: Duration,
        question: impl FnOnce(&mut Machine, Now) -> (T, Option<Ticket>),
    ) -> (T, Option<Waiter>) {
        let process = self.process();
        let mut state = process.state.lock();
        // The clocks are read under the lock: for the machine, time never goes back, however long a thread waited for
        // the lock.
        let now = self.setup.clock.now();
        let (answer, ticket) = question(&mut state.machine, now);
        let waiter = ticket.map(|ticket| {
            self.events.count_waiter();
            state.waiters.join(ticket, deadline, |until| self.time_out(ticket, until))
        });
        let pending = self.drain(&process, &mut state);
        drop(state);
        self.run(&process, pending);
        (answer, waiter)
    }

    /// Reads the machine's state.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Machine, Now) -> T) -> T {
        let process = self.process();
        let state = process.state.lock();
        let now = self.setup.clock.now();
        look(&state.machine, now)
    }

    /// Waits for the result of a ticket, on any runtime.
    pub(crate) async fn wait(&self, mut waiter: Waiter) -> Result<Done, Failure> {
        if reentrancy::is_inside(self.id()) {
            return Err(reentrant());
        }
        let done = waiter.wait_for(Option::is_some);
        #[cfg(feature = "tracing")]
        let done = telemetry::waiting(&self.setup, done);
        let done = done.await;
        Ok(done.ok().and_then(|done| done.clone()).unwrap_or(Done::Again))
    }

    /// The token with its header, taken from the published one if it is the same.
    pub(crate) fn served(&self, current: &Arc<Current>) -> Result<Arc<Served>, Failure> {
        let published = self.published.load();
        if let Some(served) = published.served.as_ref().filter(|served| Arc::ptr_eq(&served.current, current))
        {
            return Ok(served.clone());
        }
        let placement = self.setup.dialect.place(&current.value, current.token_type.as_deref())?;
        Ok(Arc::new(Served { current: current.clone(), placement }))
    }

    /// Waits until no work is in progress and everything is saved, or until the deadline (spec 4.10).
    pub(crate) async fn settle(self: &Arc<Self>, deadline: Duration) -> bool {
        let process = self.process();
        let rests = || self.is_settled() && process.waking.load(Ordering::Acquire) == 0;
        if rests() {
            return true;
        }
        let Ok(stay) = self.setup.platform.stay() else { return false };
        let signal = self.setup.at_rest.get(|_| Notify::new());
        let mut too_late = stay.enter(|| self.setup.clock.sleep_until(deadline));
        self.ask(Machine::flush);
        loop {
            let at_rest = signal.notified();
            if rests() {
                return true;
            }
            tokio::select! {
                () = at_rest => {}
                () = &mut too_late => return false,
            }
        }
    }

    /// Delivers events to subscribers; afterwards, callers that wait for rest check again.
    fn dispatch(&self) {
        if !self.events.has_subscribers() {
            return;
        }
        let setup = self.setup.clone();
        let delivered = move || setup.at_rest.get(|_| Notify::new()).notify_waiters();
        self.events.dispatch(&self.setup.platform, delivered);
    }

    /// Emits a warning that the machine does not know about.
    pub(crate) fn warn(&self, warning: Warning) {
        self.report(EventKind::Warned(warning));
    }

    /// Reports what happened to a request.
    pub(crate) fn report(&self, kind: EventKind) {
        let published = self.published();
        let (lineage, generation) = match &published.snapshot.current {
            Some(current) => (current.lineage.chars().take(8).collect(), current.generation),
            None => (String::new(), 0),
        };
        let event = Event { lineage, generation, kind };
        self.events.push(&self.key, &event);
        #[cfg(any(feature = "metrics", feature = "tracing"))]
        telemetry::happened(&self.setup, &event);
        self.dispatch();
    }

    /// The sign-in that callers of this process wait for.
    pub(super) fn login(&self) -> ProcessLocal<LoginState> {
        self.login.get_checked(|_| LoginState::default())
    }

    /// Marks what that sign-in's handler calls: an address is never odd.
    pub(super) fn login_id(&self) -> usize {
        self.id() | 1
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// The work in progress in this process.
    fn process(&self) -> ProcessLocal<ProcessState> {
        self.process.get_checked(|_| {
            let published = self.published();
            let (seed, given) = self.seed.load().as_deref().cloned().unzip();
            // Created for each process: a forked child must not generate its parent's random numbers.
            let entropy =
                self.setup.platform.entropy().unwrap_or_else(|_| Entropy::new(unlike_the_parents()));
            let machine = Machine::new(self.setup.machine.clone(), seed, entropy);
            let machine = machine.given_at(given.unwrap_or_default());
            let machine = keyed(machine, &self.key);
            ProcessState { forked: true, ..ProcessState::new(machine.forked(&published.snapshot)) }
        })
    }

    fn drain(self: &Arc<Self>, process: &ProcessState, state: &mut State) -> PendingActions {
        let mut pending = PendingActions::default();
        while let Some(effect) = state.machine.poll_effect() {
            match effect {
                Effect::Publish(snapshot) => self.publish(snapshot),
                Effect::Event(event) => {
                    self.events.push(&self.key, &event);
                    #[cfg(any(feature = "metrics", feature = "tracing"))]
                    pending.told.push(event);
                }
                Effect::Settle { ticket, result } => {
                    let done = self.done(result);
                    pending.wake.extend(state.waiters.take(ticket).map(|group| (group, done.clone())));
                }
                Effect::Abort { op } => {
                    if let Some(send) = state.sends.remove(&op) {
                        send.abort();
                    }
                }
                effect @ (Effect::Send { .. } | Effect::Revoke { .. }) => pending.network.push(effect),
                effect => pending.store.push(effect),
            }
        }
        self.set_timer(state);
        if state.machine.idle() {
            release_room(state);
            pending.rests = true;
            if !state.machine.is_seeded() && self.seed.load().is_some() {
                self.seed.store(None);
            }
        }
        process.waking.fetch_add(u32::from(!pending.wake.is_empty()), Ordering::AcqRel);
        pending
    }

    fn publish(&self, snapshot: Arc<Snapshot>) {
        let served = snapshot.current.as_ref().and_then(|current| self.served(current).ok());
        // No other reference exists, so it is moved.
        let snapshot = Arc::unwrap_or_clone(snapshot);
        self.published.store(Arc::new(Published { snapshot, served }));
    }

    fn done(&self, settled: Settled) -> Done {
        match settled {
            Settled::Token(current) => self.served(&current).map_or_else(Done::Failed, Done::Ready),
            Settled::Again => Done::Again,
            Settled::Failed(failure) => Done::Failed(failure),
        }
    }

    fn run(self: &Arc<Self>, process: &ProcessState, pending: PendingActions) {
        // Before waking those that may look for it.
        #[cfg(any(feature = "metrics", feature = "tracing"))]
        pending.told.iter().for_each(|event| telemetry::happened(&self.setup, event));
        let wakes = !pending.wake.is_empty();
        for (group, done) in pending.wake {
            group.wake(done);
        }
        process.waking.fetch_sub(u32::from(wakes), Ordering::AcqRel);
        if wakes || pending.rests {
            self.setup.at_rest.get(|_| Notify::new()).notify_waiters();
        }
        for effect in pending.network {
            self.run_network(effect);
        }
        if !pending.store.is_empty() {
            self.run_store(pending.store);
        }
        self.dispatch();
    }

    fn inside<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        reentrancy::scope(self.id(), work)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(sessions) = &self.sessions {
            sessions.forget(&self.key, self);
        }
    }
}

impl ProcessState {
    fn new(machine: Machine) -> Self {
        let state = State { machine, waiters: Waiters::default(), sends: BTreeMap::new(), timer: None };
        let state = Mutex::new(state);
        Self { state, waking: AtomicU32::new(0), forked: false }
    }
}

/// A session that is alone in its store accepts any record.
fn keyed(machine: Machine, key: &Arc<str>) -> Machine {
    if &**key == DEFAULT_KEY { machine } else { machine.keyed(key.clone()) }
}

/// If the system provides no randomness, the process uses another source.
fn unlike_the_parents() -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&crate::platform::fork::mark().to_le_bytes());
    seed
}

/// Empty maps keep a node allocated.
fn release_room(state: &mut State) {
    if state.waiters.is_empty() {
        state.waiters = Waiters::default();
    }
    if state.sends.is_empty() {
        state.sends = BTreeMap::new();
    }
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(ErrorKind::System, format!("cannot start a thread ({error}): raise the limit on threads"))
}
