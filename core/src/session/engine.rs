//! Carries out what the machine decides: I/O on the engine's own runtime, waking, publishing, telling.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use rekindle_proto::dialect::Dialect;
use rekindle_proto::event::{Event, EventKind, Warning};
use rekindle_proto::machine::{
    Current, Effect, Entropy, Machine, MachineConfig, OpId, OriginId, Settled, Snapshot, Ticket,
};
use rekindle_proto::store::{Loaded, Owner, Saved, Unavailable};
use rekindle_proto::{Credential, ErrorKind, Failure, Now, Outcome, Said};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use url::Url;

use super::events::Hub;
use super::origins::same;
use super::runtime;
use super::source::{Source, Spend, reentrant};
use super::token::{Published, Served};
use crate::clock::Clock;
use crate::fork::{Mine, PerProcess};
use crate::lock::Mutex;
use crate::store::Store;

/// A load or save that takes longer counts as Unavailable; it goes on all the same (spec 4.5).
const STORE_CAP: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// The engine on whose behalf a store or a refresh function of the user's runs (spec 4.8).
    static INSIDE: usize;
}

/// What sessions with the same store and configuration share (spec 4.2).
pub(crate) struct Engine {
    life: PerProcess<Life>,
    recipe: Recipe,
    published: ArcSwap<Published>,
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dialect: Arc<Dialect>,
    store: Arc<dyn Store>,
    source: Arc<dyn Source>,
    /// By number, for all sessions that share this state.
    origins: ArcSwap<Vec<Arc<Url>>>,
}

/// What is under way in one process; a forked child begins anew (spec 4.9).
struct Life {
    state: Mutex<State>,
    /// How many are waking those whose wait has ended.
    waking: AtomicUsize,
    at_rest: Notify,
    forked: bool,
}

/// What a machine is made of.
pub(crate) struct Recipe {
    pub(crate) config: Arc<MachineConfig>,
    pub(crate) seed: Option<Credential>,
}

struct State {
    machine: Machine,
    waiting: BTreeMap<Ticket, watch::Sender<Option<Done>>>,
    sends: BTreeMap<OpId, AbortHandle>,
    timer: Option<(Duration, AbortHandle)>,
}

/// How a wait ended.
#[derive(Clone)]
pub(crate) enum Done {
    Ready(Arc<Served>),
    Again,
    Failed(Failure),
}

/// A place at a flight's door.
pub(crate) type Waiter = watch::Receiver<Option<Done>>;

/// What is left to do once the lock is free.
#[derive(Default)]
struct Errands {
    wake: Vec<(watch::Sender<Option<Done>>, Done)>,
    /// Nothing is under way once they are woken.
    rests: bool,
    store: Vec<Effect>,
    network: Vec<Effect>,
}

impl Engine {
    pub(crate) fn new(
        recipe: Recipe,
        entropy: Entropy,
        clock: Arc<dyn Clock>,
        dialect: Arc<Dialect>,
        store: Arc<dyn Store>,
        source: Arc<dyn Source>,
    ) -> Arc<Self> {
        Arc::new(Self {
            life: PerProcess::of(Life::new(recipe.machine(entropy))),
            recipe,
            published: ArcSwap::default(),
            hub: Hub::default(),
            clock,
            dialect,
            store,
            source,
            origins: ArcSwap::default(),
        })
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

    /// What the fast path reads: no lock, no shared write.
    pub(crate) fn published(&self) -> arc_swap::Guard<Arc<Published>> {
        self.published.load()
    }

    /// Asks the machine, and does what it says.
    pub(crate) fn ask<T>(self: &Arc<Self>, question: impl FnOnce(&mut Machine, Now) -> T) -> T {
        self.ask_and_wait(|machine, now| (question(machine, now), None)).0
    }

    /// Asks the machine; if it names a ticket, takes a place at its door in the same moment.
    pub(crate) fn ask_and_wait<T>(
        self: &Arc<Self>,
        question: impl FnOnce(&mut Machine, Now) -> (T, Option<Ticket>),
    ) -> (T, Option<Waiter>) {
        let life = self.life();
        let mut state = life.state.lock();
        // Read under the lock: to the machine, time never goes back, however long somebody waited here.
        let now = self.clock.now();
        let (answer, ticket) = question(&mut state.machine, now);
        let waiter = ticket.map(|ticket| {
            self.hub.count_waiter();
            state.waiting.entry(ticket).or_insert_with(|| watch::channel(None).0).subscribe()
        });
        let errands = self.drain(&life, &mut state);
        drop(state);
        self.run(&life, errands);
        (answer, waiter)
    }

    /// Looks at the machine.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Machine, Now) -> T) -> T {
        let life = self.life();
        let state = life.state.lock();
        let now = self.clock.now();
        look(&state.machine, now)
    }

    /// Waits at a door, until `deadline` on the monotonic clock, on whatever runtime the caller is.
    pub(crate) async fn wait(&self, mut waiter: Waiter, deadline: Duration) -> Result<Done, Failure> {
        if INSIDE.try_with(|inside| *inside == self.id()).unwrap_or(false) {
            return Err(reentrant());
        }
        let stay = runtime::stay().map_err(|error| no_thread(&error))?;
        let timeout = stay.enter(|| self.clock.sleep_until(deadline));
        tokio::select! {
            biased;
            done = waiter.wait_for(Option::is_some) => {
                Ok(done.ok().and_then(|done| done.clone()).unwrap_or(Done::Again))
            }
            () = timeout => Err(timed_out()),
        }
    }

    /// The token with its header. What is published is not made twice.
    pub(crate) fn served(&self, current: &Arc<Current>) -> Result<Arc<Served>, Failure> {
        let published = self.published.load();
        if let Some(served) = published.served.as_ref().filter(|served| Arc::ptr_eq(&served.current, current))
        {
            return Ok(served.clone());
        }
        let placement = self.dialect.place(&current.value, current.token_type.as_deref())?;
        Ok(Arc::new(Served { current: current.clone(), placement }))
    }

    /// Waits until nothing is under way and everything is saved, or until the deadline (spec 4.10).
    pub(crate) async fn settle(self: &Arc<Self>, deadline: Duration) -> bool {
        let life = self.life();
        let rests = || self.look(|machine, _| machine.idle()) && life.waking.load(Ordering::Acquire) == 0;
        if rests() {
            return true;
        }
        let Ok(stay) = runtime::stay() else { return false };
        let mut too_late = stay.enter(|| self.clock.sleep_until(deadline));
        self.ask(Machine::hurry);
        loop {
            let at_rest = life.at_rest.notified();
            if rests() {
                return true;
            }
            tokio::select! {
                () = at_rest => {}
                () = &mut too_late => return false,
            }
        }
    }

    /// Warns of something that the machine does not know of.
    pub(crate) fn warn(&self, warning: Warning) {
        self.tell(EventKind::Warned(warning));
    }

    /// Tells what happened to a request.
    pub(crate) fn tell(&self, kind: EventKind) {
        let published = self.published();
        let (lineage, generation) = match &published.snapshot.current {
            Some(current) => (current.lineage.chars().take(8).collect(), current.generation),
            None => (String::new(), 0),
        };
        self.hub.push(&Event { lineage, generation, kind });
        self.hub.dispatch();
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// What is under way in this process.
    fn life(&self) -> Mine<Life> {
        self.life.get_checked(|_| {
            let doubted = self.published().snapshot.doubted().cloned();
            let machine = self.recipe.machine(Entropy::new(fresh_seed()));
            Life { forked: true, ..Life::new(machine.forked(doubted)) }
        })
    }

    fn drain(self: &Arc<Self>, life: &Life, state: &mut State) -> Errands {
        let mut errands = Errands::default();
        while let Some(effect) = state.machine.poll_effect() {
            match effect {
                Effect::Publish(snapshot) => self.publish(snapshot),
                Effect::Event(event) => self.hub.push(&event),
                Effect::Settle { ticket, result } => {
                    if let Some(door) = state.waiting.remove(&ticket) {
                        errands.wake.push((door, self.done(result)));
                    }
                }
                Effect::Abort { op } => {
                    if let Some(send) = state.sends.remove(&op) {
                        send.abort();
                    }
                }
                effect @ (Effect::Send { .. } | Effect::Revoke { .. }) => errands.network.push(effect),
                effect => errands.store.push(effect),
            }
        }
        self.set_timer(state);
        if state.machine.idle() {
            release_room(state);
            errands.rests = true;
        }
        life.waking.fetch_add(usize::from(!errands.wake.is_empty()), Ordering::AcqRel);
        errands
    }

    fn publish(&self, snapshot: Arc<Snapshot>) {
        let served = snapshot.current.as_ref().and_then(|current| self.served(current).ok());
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
        if state.timer.as_ref().map(|(due, _)| *due) == due {
            return;
        }
        if let Some((_, old)) = state.timer.take() {
            old.abort();
        }
        let Some(due) = due else { return };
        let engine = self.clone();
        let ring = async move {
            engine.clock.sleep_until(due).await;
            engine.life().state.lock().timer.take_if(|(set, _)| *set == due);
            engine.ask(Machine::handle_timeout);
        };
        if let Ok(timer) = runtime::spawn(ring) {
            state.timer = Some((due, timer));
        }
    }

    fn run(self: &Arc<Self>, life: &Life, errands: Errands) {
        let wakes = !errands.wake.is_empty();
        for (door, done) in errands.wake {
            door.send_replace(Some(done));
        }
        life.waking.fetch_sub(usize::from(wakes), Ordering::AcqRel);
        if wakes || errands.rests {
            life.at_rest.notify_waiters();
        }
        for effect in errands.network {
            self.run_network(effect);
        }
        if !errands.store.is_empty() {
            self.run_store(errands.store);
        }
        self.hub.dispatch();
    }

    /// Store work of one decision is done in its order: a life is announced before its lease is seen.
    fn run_store(self: &Arc<Self>, effects: Vec<Effect>) {
        let engine = self.clone();
        let ops = effects.clone();
        let work = async move {
            for effect in effects {
                engine.store_errand(effect).await;
            }
        };
        if let Err(error) = runtime::spawn(self.inside(work)) {
            self.no_thread_for(ops, &error);
        }
    }

    async fn store_errand(self: &Arc<Self>, effect: Effect) {
        match effect {
            Effect::Load { op } => {
                let store = self.store.clone();
                let loaded = self.bounded(async move { store.load().await }).await;
                self.ask(|machine, now| machine.handle_loaded(op, loaded, now));
            }
            Effect::Save { op, record, expected } => {
                let store = self.store.clone();
                let saved = self.bounded(async move { store.save(&record, &expected).await }).await;
                self.ask(|machine, now| machine.handle_saved(op, saved, now));
            }
            Effect::Probe { op, owner } => {
                // The owner's copy of a store that is not shared is another one by now.
                let owner = match self.life().forked && !self.store.shared() {
                    true => Owner::Dead,
                    false => self.store.owner(&owner).await,
                };
                self.ask(|machine, now| machine.handle_owner(op, owner, now));
            }
            Effect::Announce { owner } => self.store.announce(&owner).await,
            Effect::Retire { owner } => self.store.retire(&owner).await,
            _ => {}
        }
    }

    /// Bounds the wait, and lets the work go on: a save that was begun is never dropped half-way.
    async fn bounded<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let cap = self.clock.sleep_until(self.clock.now().mono + STORE_CAP);
        let id = self.id();
        tokio::select! {
            biased;
            done = tokio::spawn(INSIDE.scope(id, work)) => {
                done.unwrap_or_else(|_| Err(Unavailable::new("the store panicked: mend its load or save")))
            }
            () = cap => Err(Unavailable::new(format!("no answer within {} s", STORE_CAP.as_secs()))),
        }
    }

    fn run_network(self: &Arc<Self>, effect: Effect) {
        match effect {
            Effect::Send { op, refresh_token, scope, extra, nonce: _ } => {
                self.send(op, Spend { refresh_token, scope, extra });
            }
            Effect::Revoke { token } => {
                let engine = self.clone();
                let _ = runtime::spawn(self.inside(async move { engine.source.revoke(&token).await }));
            }
            _ => {}
        }
    }

    fn send(self: &Arc<Self>, op: OpId, spend: Spend) {
        let engine = self.clone();
        let work = async move {
            let guarded = engine.clone();
            let serving = engine.published().served.as_ref().map(|served| served.current.value.clone());
            // A task of its own: a panic in a user's refresh function ends as a lost answer.
            let asked = tokio::spawn(
                guarded.clone().inside(async move { guarded.source.refresh(spend, serving).await }),
            );
            let _abort = AbortOnDrop(asked.abort_handle());
            let lost = (Outcome::Lost(rekindle_proto::Lost::Broken), Said::default());
            let (outcome, said) = asked.await.unwrap_or(lost);
            engine.life().state.lock().sends.remove(&op);
            engine.ask(|machine, now| machine.handle_answer(op, outcome, said, now));
        };
        let life = self.life();
        let mut state = life.state.lock();
        match runtime::spawn(work) {
            Ok(send) => drop(state.sends.insert(op, send)),
            Err(_) => {
                drop(state);
                self.ask(|machine, now| machine.handle_answer(op, Outcome::NotSent, Said::default(), now));
            }
        }
    }

    fn inside<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        INSIDE.scope(self.id(), work)
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

impl Life {
    fn new(machine: Machine) -> Self {
        let state = State { machine, waiting: BTreeMap::new(), sends: BTreeMap::new(), timer: None };
        let state = Mutex::new(state);
        Self { state, waking: AtomicUsize::new(0), at_rest: Notify::new(), forked: false }
    }
}

impl Recipe {
    fn machine(&self, entropy: Entropy) -> Machine {
        Machine::new(self.config.clone(), self.seed.clone(), entropy)
    }
}

/// A forked child must not draw its parent's numbers. Where the system gives none, process and time make it another.
fn fresh_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    if getrandom::fill(&mut seed).is_err() {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        seed[..4].copy_from_slice(&std::process::id().to_le_bytes());
        seed[4..20].copy_from_slice(&since.as_nanos().to_le_bytes());
    }
    seed
}

/// Empty maps keep a node.
fn release_room(state: &mut State) {
    if state.waiting.is_empty() {
        state.waiting = BTreeMap::new();
    }
    if state.sends.is_empty() {
        state.sends = BTreeMap::new();
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn timed_out() -> Failure {
    Failure::new(
        ErrorKind::Timeout,
        "no token within the time given; the refresh goes on, and the next call may find its result",
    )
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(
        ErrorKind::Misuse,
        format!("the operating system gives no thread ({error}): raise its limit"),
    )
}
