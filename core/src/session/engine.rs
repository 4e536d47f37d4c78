//! Carries out what the machine decides: I/O on the engine's own runtime, waking waiters, publishing, reporting.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use rekindle_proto::event::{Event, EventKind, Warning};
use rekindle_proto::machine::{
    Current, Effect, Entropy, Machine, OpId, OriginId, Settled, Snapshot, Ticket, rebound,
};
use rekindle_proto::store::{Expected, Loaded, Owner, Saved, Unavailable};
use rekindle_proto::{Credential, ErrorKind, Failure, GrantRequest, Now, Outcome, Secret, ServerError, Wall};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use url::Url;

use super::events::Dispatcher;
use super::login::LoginState;
use super::origins::same;
use super::reentrancy;
use super::refresh_function::panicked;
use super::registry::Registry;
use super::setup::Setup;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use super::telemetry;
use super::token::{Published, Served};
use super::token_source::reentrant;
use super::waiters::{Done, WaitGroup, Waiter, Waiters};
use crate::fork::{PerProcess, ProcessLocal};
use crate::lock::Mutex;
use crate::platform::{Running, TaskHandle};
use crate::store::DEFAULT_KEY;

/// A load or save that takes longer counts as Unavailable; it goes on all the same (spec 4.5).
const STORE_CAP: Duration = Duration::from_secs(5);

/// How often a record that others write is moved anew.
const REBINDS: u32 = 8;

/// Who waits for another process' refresh looks no more often than that, whatever the store says.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// What sessions with the same store and configuration share (spec 4.2).
pub(crate) struct Engine {
    process: PerProcess<ProcessState>,
    pub(crate) setup: Arc<Setup>,
    /// Until the store has it: a child that is forked before takes it too.
    seed: ArcSwapOption<(Credential, Now)>,
    published: ArcSwap<Published>,
    pub(crate) events: Dispatcher,
    /// Which of the store's records is this session's.
    pub(super) key: Arc<str>,
    /// Where it is found by that key.
    sessions: Option<Arc<Registry<Self>>>,
    /// Tells the seed that was given from others; 0: there was none.
    seeded_with: AtomicU64,
    /// By number, for all sessions that share this state.
    origins: ArcSwap<Vec<Arc<Url>>>,
    login: PerProcess<LoginState>,
    /// How many sessions hold it.
    pub(super) holders: AtomicU32,
}

/// What is under way in one process; a forked child begins anew (spec 4.9).
struct ProcessState {
    state: Mutex<State>,
    /// How many are waking those whose wait has ended.
    waking: AtomicU32,
    forked: bool,
}

struct State {
    machine: Machine,
    waiters: Waiters,
    sends: BTreeMap<OpId, TaskHandle>,
    /// Boxed: most sessions rest most of the time.
    timer: Option<Box<(Duration, TaskHandle)>>,
}

/// What is left to do once the lock is free.
#[derive(Default)]
struct PendingActions {
    wake: Vec<(WaitGroup, Done)>,
    /// Nothing is under way once they are woken.
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

    /// The session is asked for with this credential to begin with. The one that it has wins, so another one's is an
    /// error: it might be another user's.
    pub(crate) fn accept_seed(self: &Arc<Self>, seed: Option<Credential>) -> Result<(), Failure> {
        let Some(seed) = seed else { return Ok(()) };
        match self.seeded_with.compare_exchange(0, seed_tag(&seed), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.seed.store(Some(Arc::new((seed.clone(), self.setup.clock.now()))));
                self.ask(|machine, now| machine.offer_seed(seed, now));
                Ok(())
            }
            Err(known) if known == seed_tag(&seed) => Ok(()),
            Err(_) => Err(other_seed()),
        }
    }

    /// As [`Engine::accept_seed`], and takes nothing.
    pub(crate) fn check_seed(&self, seed: Option<&Credential>) -> Result<(), Failure> {
        match (self.seeded_with.load(Ordering::Acquire), seed.map(seed_tag)) {
            (0, _) | (_, None) => Ok(()),
            (known, Some(given)) if known == given => Ok(()),
            _ => Err(other_seed()),
        }
    }

    /// Whether a session holds it. What is under way in the background may keep it alive a moment longer.
    pub(crate) fn is_held(&self) -> bool {
        self.holders.load(Ordering::Acquire) > 0
    }

    /// Whether nothing is under way, and everything is saved and reported.
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

    /// What the fast path reads: no lock, no shared write.
    pub(crate) fn published(&self) -> arc_swap::Guard<Arc<Published>> {
        self.published.load()
    }

    /// Asks the machine, and does what it says.
    pub(crate) fn ask<T>(self: &Arc<Self>, question: impl FnOnce(&mut Machine, Now) -> T) -> T {
        self.ask_and_wait(Duration::ZERO, |machine, now| (question(machine, now), None)).0
    }

    /// Asks the machine; if it names a ticket, begins to wait for it in the same moment, until `deadline` on the
    /// monotonic clock.
    pub(crate) fn ask_and_wait<T>(
        self: &Arc<Self>,
        deadline: Duration,
        question: impl FnOnce(&mut Machine, Now) -> (T, Option<Ticket>),
    ) -> (T, Option<Waiter>) {
        let process = self.process();
        let mut state = process.state.lock();
        // Read under the lock: to the machine, time never goes back, however long somebody waited here.
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

    /// Looks at the machine.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Machine, Now) -> T) -> T {
        let process = self.process();
        let state = process.state.lock();
        let now = self.setup.clock.now();
        look(&state.machine, now)
    }

    /// Ends the wait of one group, if nothing else has until then.
    fn time_out(self: &Arc<Self>, ticket: Ticket, until: Duration) -> Result<TaskHandle, Failure> {
        let (engine, clock) = (Arc::downgrade(self), self.setup.clock.clone());
        let wake = async move {
            clock.sleep_until(until).await;
            let Some(engine) = engine.upgrade() else { return };
            let late = engine.process().state.lock().waiters.take_late(ticket, until);
            if let Some(group) = late {
                let failure = engine.look(Machine::timed_out);
                group.wake(Done::Failed(failure));
            }
        };
        self.setup.platform.spawn(wake).map_err(|error| no_thread(&error))
    }

    /// Waits for what a ticket brings, on whatever runtime the caller is.
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

    /// The token with its header. What is published is not made twice.
    pub(crate) fn served(&self, current: &Arc<Current>) -> Result<Arc<Served>, Failure> {
        let published = self.published.load();
        if let Some(served) = published.served.as_ref().filter(|served| Arc::ptr_eq(&served.current, current))
        {
            return Ok(served.clone());
        }
        let placement = self.setup.dialect.place(&current.value, current.token_type.as_deref())?;
        Ok(Arc::new(Served { current: current.clone(), placement }))
    }

    /// Waits until nothing is under way and everything is saved, or until the deadline (spec 4.10).
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

    /// Lets subscribers have what happened; whoever waits for rest looks again afterwards.
    fn dispatch(&self) {
        if !self.events.has_subscribers() {
            return;
        }
        let setup = self.setup.clone();
        let delivered = move || setup.at_rest.get(|_| Notify::new()).notify_waiters();
        self.events.dispatch(&self.setup.platform, delivered);
    }

    /// Warns of something that the machine does not know of.
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

    /// Marks what the handler of that sign-in calls: no address is odd.
    pub(super) fn login_id(&self) -> usize {
        self.id() | 1
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// What is under way in this process.
    fn process(&self) -> ProcessLocal<ProcessState> {
        self.process.get_checked(|_| {
            let published = self.published();
            let (seed, given) = self.seed.load().as_deref().cloned().unzip();
            // Of its own: a forked child must not draw its parent's numbers.
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
        // Nobody else holds it: it is moved.
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

    fn set_timer(self: &Arc<Self>, state: &mut State) {
        let due = state.machine.poll_timeout();
        if state.timer.as_ref().map(|timer| timer.0) == due {
            return;
        }
        if let Some(old) = state.timer.take() {
            old.1.abort();
        }
        let Some(due) = due else { return };
        let (engine, awaits_others) = (self.clone(), state.machine.awaits_others());
        let wake = async move {
            let changed = engine.sleeps_until(due, awaits_others).await;
            engine.process().state.lock().timer.take_if(|timer| timer.0 == due);
            engine.ask(if changed { Machine::handle_changed } else { Machine::handle_timeout });
        };
        if let Ok(timer) = self.setup.platform.spawn(wake) {
            state.timer = Some(Box::new((due, timer)));
        }
    }

    /// Whether the store says that the record has changed before that time. It is asked only where somebody else
    /// refreshes.
    async fn sleeps_until(&self, due: Duration, awaits_others: bool) -> bool {
        let least = self.setup.clock.sleep_until(self.setup.clock.mono() + LEAST_PAUSE);
        let due = self.setup.clock.sleep_until(due);
        match self.setup.store.changed(&self.key).filter(|_| awaits_others) {
            None => {
                due.await;
                false
            }
            Some(changed) => tokio::select! {
                biased;
                () = due => false,
                () = async { changed.await; least.await } => true,
            },
        }
    }

    fn run(self: &Arc<Self>, process: &ProcessState, pending: PendingActions) {
        // Before those are woken who may look for it.
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

    /// Store work of one decision is done in its order: an owner is announced before its lease can be seen.
    fn run_store(self: &Arc<Self>, effects: Vec<Effect>) {
        let engine = self.clone();
        let ops = effects.clone();
        let work = async move {
            for effect in effects {
                engine.run_store_effect(effect).await;
            }
        };
        if let Err(error) = self.setup.platform.spawn(self.inside(work)) {
            self.no_thread_for(ops, &error);
        }
    }

    async fn run_store_effect(self: &Arc<Self>, effect: Effect) {
        let (store, key) = (self.setup.store.clone(), self.key.clone());
        match effect {
            Effect::Load { op } => {
                // Its clock with it: what the record says of time is read by it.
                let load = async move { Ok((store.now().await, store.load(&key).await?)) };
                let (clock, loaded) = match self.bounded(load).await.flatten() {
                    Ok((clock, loaded)) => (clock, Ok(loaded)),
                    Err(unavailable) => (None, Err(unavailable)),
                };
                self.ask(|machine, now| {
                    if let Some(clock) = clock {
                        machine.handle_store_clock(wall(clock), now);
                    }
                    machine.handle_loaded(op, loaded, now);
                });
            }
            Effect::Save { op, record, expected } => {
                let saved =
                    self.bounded(async move { store.save(&key, record, &expected).await }).await.flatten();
                self.ask(|machine, now| machine.handle_saved(op, saved, now));
            }
            Effect::Probe { op, owner } => {
                // The owner's copy of a store that is not shared is another one by now.
                let owner = match self.process().forked && !store.shared() {
                    true => Ok(Owner::Dead),
                    false => self.bounded(async move { store.owner(&key, &owner).await }).await,
                };
                let owner = owner.unwrap_or(Owner::Unknown);
                self.ask(|machine, now| machine.handle_owner(op, owner, now));
            }
            // Best effort both.
            Effect::Announce { owner } => {
                drop(self.bounded(async move { store.announce(&key, &owner).await }).await)
            }
            Effect::Retire { owner } => {
                drop(self.bounded(async move { store.retire(&key, &owner).await }).await)
            }
            _ => {}
        }
    }

    /// Bounds the wait, and lets the work go on: a save that was begun is never dropped half-way.
    async fn bounded<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let cap = self.setup.clock.sleep_until(self.setup.clock.mono() + STORE_CAP);
        let begun = self.setup.platform.run(self.inside(work));
        let begun = begun.map_err(|error| Unavailable::new(no_thread(&error).message))?;
        tokio::select! {
            biased;
            done = begun.result => {
                done.map_err(|_| Unavailable::new("the store panicked: fix its load or save"))
            }
            () = cap => Err(Unavailable::new(format!("no answer within {} s", STORE_CAP.as_secs()))),
        }
    }

    fn run_network(self: &Arc<Self>, effect: Effect) {
        match effect {
            Effect::Send { op, request } => self.send(op, request),
            Effect::Revoke { token } => {
                let engine = self.clone();
                let work = async move {
                    let cap = engine.setup.clock.mono().saturating_add(engine.setup.machine.send_cap);
                    tokio::select! {
                        _ = engine.setup.source.revoke(&token) => {}
                        () = engine.setup.clock.sleep_until(cap) => {}
                    }
                };
                let _ = self.setup.platform.spawn(self.inside(work));
            }
            _ => {}
        }
    }

    /// Asks the server to revoke a token, for as long as a refresh may take. `None`: it cannot be asked.
    pub(super) async fn revoke(self: &Arc<Self>, token: Secret) -> Option<bool> {
        let engine = self.clone();
        let work = async move {
            let cap = engine.setup.clock.mono().saturating_add(engine.setup.machine.send_cap);
            tokio::select! {
                revoked = engine.setup.source.revoke(&token) => revoked,
                () = engine.setup.clock.sleep_until(cap) => Some(false),
            }
        };
        match self.setup.platform.run(self.inside(work)) {
            Ok(begun) => begun.result.await.unwrap_or(Some(false)),
            Err(_) => Some(false),
        }
    }

    /// Moves the stored record to this session's configuration. Whether anything had to be moved.
    pub(super) async fn rebind(&self) -> Result<bool, Failure> {
        let unavailable = |unavailable: Unavailable| {
            Failure::new(ErrorKind::StoreUnavailable, format!("the store is not available: {unavailable}"))
        };
        // Others write, too: a lease, a refresh.
        for _ in 0..REBINDS {
            let (store, key) = (self.setup.store.clone(), self.key.clone());
            let loaded = self.bounded(async move { store.load(&key).await }).await.flatten();
            let Loaded::Present(bytes, version) = loaded.map_err(unavailable)? else { return Ok(false) };
            let Some(record) = rebound(&bytes, &self.setup.machine.binding)? else { return Ok(false) };
            let (store, key, expected) =
                (self.setup.store.clone(), self.key.clone(), Expected::Version(version));
            let saved =
                self.bounded(async move { store.save(&key, record, &expected).await }).await.flatten();
            if let Saved::Done(_) = saved.map_err(unavailable)? {
                return Ok(true);
            }
        }
        Err(Failure::new(ErrorKind::StoreUnavailable, "other processes keep writing the record: try again"))
    }

    fn send(self: &Arc<Self>, op: OpId, request: GrantRequest) {
        let engine = self.clone();
        let work = async move {
            let guarded = engine.clone();
            let serving = engine.published().served.as_ref().map(|served| served.current.value.clone());
            // A task of its own: a panic in a user's refresh function ends as a lost answer.
            let asked = guarded.clone().inside(async move {
                let asking = guarded.setup.source.ask(request, serving);
                #[cfg(feature = "tracing")]
                let asking = telemetry::refreshing(&guarded.setup, asking);
                asking.await
            });
            let (outcome, said) = match engine.setup.platform.run(asked) {
                Ok(Running { result, task }) => {
                    let _abort = AbortOnDrop(task);
                    result.await.unwrap_or_else(|_| panicked())
                }
                Err(_) => (Outcome::NotSent, ServerError::default()),
            };
            engine.process().state.lock().sends.remove(&op);
            engine.ask(|machine, now| machine.handle_outcome(op, outcome, said, now));
        };
        let process = self.process();
        let mut state = process.state.lock();
        match self.setup.platform.spawn(work) {
            Ok(send) => drop(state.sends.insert(op, send)),
            Err(_) => {
                drop(state);
                self.ask(|machine, now| {
                    machine.handle_outcome(op, Outcome::NotSent, ServerError::default(), now)
                });
            }
        }
    }

    fn inside<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        reentrancy::scope(self.id(), work)
    }

    fn no_thread_for(self: &Arc<Self>, effects: Vec<Effect>, error: &std::io::Error) {
        for effect in effects {
            let unavailable = || Unavailable::new(no_thread(error).message);
            match effect {
                Effect::Load { op } => {
                    let loaded: Result<Loaded, _> = Err(unavailable());
                    self.ask(|machine, now| machine.handle_loaded(op, loaded, now));
                }
                Effect::Save { op, .. } => {
                    let saved: Result<Saved, _> = Err(unavailable());
                    self.ask(|machine, now| machine.handle_saved(op, saved, now));
                }
                _ => {}
            }
        }
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

fn wall(time: SystemTime) -> Wall {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A session that is alone in its store takes whatever is there.
fn keyed(machine: Machine, key: &Arc<str>) -> Machine {
    if &**key == DEFAULT_KEY { machine } else { machine.keyed(key.clone()) }
}

/// Where the system gives no randomness, the process makes it another.
fn unlike_the_parents() -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&crate::platform::fork::mark().to_le_bytes());
    seed
}

/// Empty maps keep a node.
fn release_room(state: &mut State) {
    if state.waiters.is_empty() {
        state.waiters = Waiters::default();
    }
    if state.sends.is_empty() {
        state.sends = BTreeMap::new();
    }
}

struct AbortOnDrop(TaskHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells seeds apart, and never 0. The tokens can't be had from it.
fn seed_tag(seed: &Credential) -> u64 {
    let token = seed.refresh_token.as_ref().or(seed.access_token.as_ref());
    let digest = Sha256::digest(token.map_or("", Secret::expose));
    u64::from_le_bytes(std::array::from_fn(|place| digest[place])).max(1)
}

fn other_seed() -> Failure {
    Failure::new(
        ErrorKind::InvalidConfig,
        "a session of this process with the same store and key was created with another credential: give each user a key or \
         a store of its own; for the same user's new tokens, call sign_in",
    )
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(ErrorKind::System, format!("cannot start a thread ({error}): raise the limit on threads"))
}
