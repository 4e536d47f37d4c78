//! A world of machines that share a store and a token endpoint, in virtual time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::credential::{Credential, Expiry, Secret, TokenResponse};
use crate::event::{Event, EventKind};
use crate::grant::GrantRequest;
use crate::machine::record::Record;
use bytes::Bytes;

use crate::machine::{
    Acquired, AfterRejection, Binding, Current, Effect, Entropy, Fast, Machine, MachineConfig, OpId, Origin,
    OriginId, ReplayRefused, Settled, Snapshot, Stamp, Ticket, TokenRequirements,
};
use crate::rotation::Rotation;
use crate::store::{Expected, Loaded, Owner, Saved, Unavailable, Version};
use crate::time::{Now, Wall};
use crate::verdict::{DeadReason, Lost, Outcome, ServerError};

pub(super) const LIFETIME: Duration = Duration::from_secs(900);
/// An origin's number, with a name for it.
pub(super) struct Api(OriginId, String);

pub(super) fn api(id: OriginId) -> Api {
    Api(id, format!("https://api-{id}.test"))
}

impl Api {
    pub(super) fn of(&self) -> Origin<'_> {
        Origin { id: self.0, name: &self.1 }
    }
}

pub(super) const CAP: Duration = Duration::from_secs(60);

/// One stored record, by compare-and-save.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) record: Option<(Bytes, u64)>,
    next: u64,
    pub(super) down: bool,
    pub(super) read_only: bool,
    /// How often it was read.
    pub(super) loads: Cell<u32>,
}

impl Shelf {
    fn load(&self) -> Result<Loaded, Unavailable> {
        self.loads.set(self.loads.get() + 1);
        match &self.record {
            _ if self.down => Err(Unavailable::new("down")),
            Some((bytes, version)) => Ok(Loaded::Present(bytes.clone(), Version::new(version.to_string()))),
            None => Ok(Loaded::Absent),
        }
    }

    fn save(&mut self, bytes: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        if self.down || self.read_only {
            return Err(Unavailable::new("down"));
        }
        let fits = match (expected, &self.record) {
            (Expected::Anything, _) | (Expected::Absent, None) => true,
            (Expected::Version(version), Some((_, stored))) => *version.0 == *stored.to_string(),
            _ => false,
        };
        if !fits {
            return Ok(Saved::Conflict);
        }
        self.next += 1;
        self.record = Some((bytes, self.next));
        Ok(Saved::Done(Version::new(self.next.to_string())))
    }

    /// A backup comes back.
    pub(super) fn restore(&mut self, bytes: Bytes) {
        self.next += 1;
        self.record = Some((bytes, self.next));
    }

    pub(super) fn read(&self) -> Record {
        Record::parse(&self.record.as_ref().unwrap().0).unwrap()
    }
}

/// What became of a refresh token at the endpoint.
#[derive(Clone, Debug)]
struct Spent {
    at: Duration,
    child: String,
    /// Its answer did not reach anybody who could keep it.
    pub(super) lost: bool,
}

/// A token endpoint with a rotation.
pub(super) struct Endpoint {
    pub(super) rotation: Rotation,
    pub(super) lifetime: Option<Duration>,
    spent: BTreeMap<String, Spent>,
    active: BTreeMap<String, u64>,
    next: u64,
    pub(super) requests: Vec<String>,
    pub(super) refreshes: u32,
    pub(super) reuses: u32,
    /// Reuses of a token whose answer had not been lost: nobody may make one.
    pub(super) unforced_reuses: u32,
    pub(super) script: Vec<Outcome>,
    pub(super) says: ServerError,
}

impl Endpoint {
    fn new(rotation: Rotation) -> Self {
        Self {
            rotation,
            lifetime: Some(LIFETIME),
            spent: BTreeMap::new(),
            active: BTreeMap::new(),
            next: 0,
            requests: Vec::new(),
            refreshes: 0,
            reuses: 0,
            unforced_reuses: 0,
            script: Vec::new(),
            says: ServerError::default(),
        }
    }

    /// A new family, as a sign-in makes one.
    pub(super) fn sign_in(&mut self) -> Credential {
        self.next += 1;
        let refresh_token = format!("rt-{}", self.next);
        self.active.insert(refresh_token.clone(), self.next);
        Credential {
            access_token: Some(format!("at-{}", self.next).into()),
            refresh_token: Some(refresh_token.into()),
            expiry: Some(Expiry::In(LIFETIME)),
            ..Credential::default()
        }
    }

    pub(super) fn kill_all(&mut self) {
        self.active.clear();
    }

    fn ask(&mut self, token: &str, now: Now) -> Outcome {
        self.requests.push(token.to_owned());
        if !self.script.is_empty() {
            return self.script.remove(0);
        }
        if token.is_empty() {
            // The client asks on its own behalf, or a function does.
            return self.grant(None);
        }
        if let Some(spent) = self.spent.get(token).cloned() {
            return self.again(token, &spent, now);
        }
        let Some(family) = self.active.remove(token) else { return Outcome::Dead(DeadReason::Rejected) };
        self.refreshes += 1;
        if self.rotation == Rotation::None {
            self.active.insert(token.to_owned(), family);
            return self.grant(None);
        }
        self.next += 1;
        let child = format!("rt-{}", self.next);
        self.active.insert(child.clone(), family);
        self.spent.insert(token.to_owned(), Spent { at: now.mono, child: child.clone(), lost: false });
        self.grant(Some(child))
    }

    fn again(&mut self, token: &str, spent: &Spent, now: Now) -> Outcome {
        let child_unused = self.active.contains_key(&spent.child);
        let kept = match self.rotation {
            Rotation::Grace(grace) => now.mono.saturating_sub(spent.at) < grace && child_unused,
            Rotation::UntilSuccessorUsed => child_unused,
            _ => false,
        };
        if kept {
            return self.grant(Some(spent.child.clone()));
        }
        self.reuses += 1;
        self.unforced_reuses += u32::from(!spent.lost);
        if self.rotation == Rotation::StrictFamily {
            let family = self.active.get(&spent.child).copied();
            self.active.retain(|_, active| Some(*active) != family);
        }
        let _ = token;
        Outcome::Dead(DeadReason::Rejected)
    }

    fn grant(&mut self, refresh_token: Option<String>) -> Outcome {
        self.next += 1;
        let mut grant = TokenResponse::new(format!("at-{}", self.next));
        grant.lifetime = self.lifetime;
        grant.refresh_token = refresh_token.map(Secret::from);
        Outcome::Granted(Box::new(grant))
    }

    fn lose(&mut self, token: &str) {
        if let Some(spent) = self.spent.get_mut(token) {
            spent.lost = true;
        }
    }

    pub(super) fn is_active(&self, token: &str) -> bool {
        self.active.contains_key(token)
    }
}

/// One process.
pub(super) struct Process {
    pub(super) machine: Machine,
    pub(super) pending: Vec<Effect>,
    pub(super) settled: BTreeMap<Ticket, Settled>,
    pub(super) events: Vec<Event>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) owners: Vec<String>,
    /// What it sent last: if it is killed before that is stored, the answer is lost.
    last_sent: Option<String>,
    /// Sends under way: op, token, since when.
    pub(super) sends: BTreeMap<OpId, (String, Duration)>,
    pub(super) revoked: Vec<String>,
    pub(super) waits: Vec<Ticket>,
}

/// Everything.
pub(super) struct World {
    pub(super) now: Now,
    pub(super) shelf: Shelf,
    pub(super) endpoint: Endpoint,
    pub(super) processes: Vec<Process>,
    pub(super) dead_owners: Vec<String>,
    pub(super) lose_answers: u32,
    seeds: u8,
}

impl World {
    /// `processes` machines over one store, none of which has read it; the first has a seed.
    pub(super) fn new(rotation: Rotation, processes: usize) -> Self {
        let mut world = Self {
            now: Now { mono: Duration::from_secs(3600), wall: Wall(1_893_456_000_000) },
            shelf: Shelf::default(),
            endpoint: Endpoint::new(rotation),
            processes: Vec::new(),
            dead_owners: Vec::new(),
            lose_answers: 0,
            seeds: 0,
        };
        let seed = world.endpoint.sign_in();
        for _ in 0..processes {
            world.start(Some(seed.clone()));
        }
        world
    }

    pub(super) fn config(&self) -> MachineConfig {
        let binding = Binding::new("https://auth.test/token");
        let mut config = MachineConfig::new(self.endpoint.rotation, binding);
        config.boot = Some("boot".into());
        config
    }

    pub(super) fn start(&mut self, seed: Option<Credential>) -> usize {
        let config = self.config();
        self.start_with(config, seed)
    }

    pub(super) fn start_with(&mut self, config: MachineConfig, seed: Option<Credential>) -> usize {
        self.seeds += 1;
        let machine = Machine::new(config, seed, Entropy::new([self.seeds; 32]));
        self.processes.push(Process {
            machine,
            pending: Vec::new(),
            settled: BTreeMap::new(),
            events: Vec::new(),
            snapshot: Arc::default(),
            owners: Vec::new(),
            last_sent: None,
            sends: BTreeMap::new(),
            revoked: Vec::new(),
            waits: Vec::new(),
        });
        self.processes.len() - 1
    }

    /// A child of that process, which knows what a fork leaves it.
    pub(super) fn fork(&mut self, parent: usize) -> usize {
        let child = self.start(None);
        let parent = self.processes[parent].snapshot.clone();
        let unused = Machine::new(self.config(), None, Entropy::new([0; 32]));
        let own = &mut self.processes[child].machine;
        *own = std::mem::replace(own, unused).forked(&parent);
        child
    }

    /// The seed of that process is given now.
    pub(super) fn give(&mut self, process: usize) {
        let (config, now) = (self.config(), self.now);
        let unused = Machine::new(config, None, Entropy::new([0; 32]));
        let own = &mut self.processes[process].machine;
        *own = std::mem::replace(own, unused).given_at(now);
    }

    /// The process is gone in the middle of whatever it did; another one takes its place.
    pub(super) fn crash(&mut self, process: usize) {
        let config = self.config();
        self.seeds += 1;
        let fresh = Machine::new(config, None, Entropy::new([self.seeds; 32]));
        let gone = &mut self.processes[process];
        if let Some(token) = gone.last_sent.take() {
            self.endpoint.lose(&token);
        }
        self.dead_owners.append(&mut gone.owners);
        gone.machine = fresh;
        gone.pending.clear();
        gone.sends.clear();
        gone.waits.clear();
        gone.settled.clear();
        gone.snapshot = Arc::default();
    }

    /// Asks a machine something, and takes what it wants done.
    pub(super) fn ask<T>(&mut self, process: usize, question: impl FnOnce(&mut Machine, Now) -> T) -> T {
        let now = self.now;
        let answer = question(&mut self.processes[process].machine, now);
        self.drain(process);
        answer
    }

    pub(super) fn acquire(&mut self, process: usize) -> Acquired {
        let acquired = self.ask(process, |machine, now| machine.acquire(TokenRequirements::default(), now));
        self.note(process, &acquired);
        acquired
    }

    fn note(&mut self, process: usize, acquired: &Acquired) {
        if let Acquired::Wait(ticket) = acquired {
            self.processes[process].waits.push(*ticket);
        }
    }

    /// Acquires, and lets everything happen that needs no time.
    pub(super) fn token(&mut self, process: usize) -> Result<Arc<Current>, crate::error::Failure> {
        for _ in 0..8 {
            match self.acquire(process) {
                Acquired::Serve(current) => return Ok(current),
                Acquired::Fail(failure) => return Err(failure),
                Acquired::Wait(ticket) => {
                    self.drive();
                    match self.processes[process].settled.get(&ticket).cloned() {
                        Some(Settled::Token(current)) => return Ok(current),
                        Some(Settled::Again) => {}
                        Some(Settled::Failed(failure)) => {
                            if failure.kind == crate::error::ErrorKind::SignedOut {
                                return Err(failure);
                            }
                            let now = self.now;
                            let fallback =
                                self.processes[process].machine.fallback(TokenRequirements::default(), now);
                            return fallback.ok_or(failure);
                        }
                        None => panic!("nobody settled ticket {ticket}"),
                    }
                }
            }
        }
        panic!("asked eight times");
    }

    /// What a request that was sent with `current` does with its rejection.
    pub(super) fn reject(&mut self, process: usize, stamp: &mut Stamp, origin: OriginId) -> AfterRejection {
        let after = self.ask(process, |machine, now| machine.reject(stamp, api(origin).of(), None, now));
        if let AfterRejection::Wait(ticket) = after {
            self.processes[process].waits.push(ticket);
        }
        after
    }

    /// Rejects, and waits for what follows.
    pub(super) fn replay(
        &mut self,
        process: usize,
        stamp: &mut Stamp,
    ) -> Result<Arc<Current>, Result<ReplayRefused, crate::error::Failure>> {
        for _ in 0..8 {
            match self.reject(process, stamp, 0) {
                AfterRejection::Replay(current) => return Ok(current),
                AfterRejection::Refuse(reason) => return Err(Ok(reason)),
                AfterRejection::Fail(failure) => return Err(Err(failure)),
                AfterRejection::Wait(ticket) => {
                    self.drive();
                    match self.processes[process].settled.get(&ticket).cloned() {
                        Some(Settled::Token(current)) => return Ok(current),
                        Some(Settled::Failed(failure)) => return Err(Err(failure)),
                        Some(Settled::Again) => {}
                        None => panic!("nobody settled ticket {ticket}"),
                    }
                }
            }
        }
        panic!("asked eight times");
    }

    /// Does everything that is to be done, in order, and jumps the clock over the short pauses of a flight.
    pub(super) fn drive(&mut self) {
        for _ in 0..2000 {
            while self.perform_any() {}
            let due = self.processes.iter().filter_map(|process| process.machine.poll_timeout()).min();
            let sending = self.processes.iter().any(|process| !process.sends.is_empty());
            match due {
                Some(due) if !sending && due <= self.now.mono + Duration::from_secs(35) && self.waiting() => {
                    self.advance(due.saturating_sub(self.now.mono));
                }
                _ => return,
            }
        }
        panic!("a livelock: 2000 steps and still busy");
    }

    fn waiting(&self) -> bool {
        self.processes
            .iter()
            .any(|process| process.waits.iter().any(|ticket| !process.settled.contains_key(ticket)))
    }

    pub(super) fn perform_any(&mut self) -> bool {
        for process in 0..self.processes.len() {
            if !self.processes[process].pending.is_empty() {
                self.perform(process, 0);
                return true;
            }
        }
        false
    }

    /// Does one thing that a store was asked for.
    pub(super) fn perform_store(&mut self) -> bool {
        let asked = |effect: &Effect| !matches!(effect, Effect::Send { .. });
        for process in 0..self.processes.len() {
            if let Some(index) = self.processes[process].pending.iter().position(asked) {
                self.perform(process, index);
                return true;
            }
        }
        false
    }

    /// Both clocks go on; due timers ring.
    pub(super) fn advance(&mut self, by: Duration) {
        self.now = self.now.plus(by);
        for process in 0..self.processes.len() {
            self.ask(process, Machine::handle_timeout);
        }
    }

    pub(super) fn jump_wall(&mut self, by_ms: i64) {
        self.now.wall = Wall(self.now.wall.0 + by_ms);
    }

    /// Does one thing that a machine wants done.
    pub(super) fn perform(&mut self, process: usize, index: usize) {
        let effect = self.processes[process].pending.remove(index);
        match effect {
            Effect::Load { op } => {
                let loaded = self.shelf.load();
                self.ask(process, |machine, now| machine.handle_loaded(op, loaded, now));
            }
            Effect::Save { op, record, expected } => {
                let saved = self.shelf.save(record, &expected);
                self.ask(process, |machine, now| machine.handle_saved(op, saved, now));
            }
            Effect::Probe { op, owner } => {
                let fate = self.fate(&owner);
                self.ask(process, |machine, now| machine.handle_owner(op, fate, now));
            }
            Effect::Send { op, request } => self.send(process, op, &spent(&request)),
            Effect::Revoke { token } => self.processes[process].revoked.push(token.expose().to_owned()),
            _ => {}
        }
    }

    fn send(&mut self, process: usize, op: OpId, token: &str) {
        let outcome = self.endpoint.ask(token, self.now);
        let lost = self.lose_answers > 0;
        self.lose_answers = self.lose_answers.saturating_sub(1);
        self.processes[process].sends.remove(&op);
        let outcome = if lost {
            self.endpoint.lose(token);
            Outcome::Lost(Lost::Broken)
        } else {
            outcome
        };
        let says = self.endpoint.says.clone();
        self.ask(process, |machine, now| machine.handle_outcome(op, outcome, says, now));
    }

    fn fate(&self, owner: &str) -> Owner {
        if self.dead_owners.iter().any(|dead| dead == owner) {
            return Owner::Dead;
        }
        let alive = self.processes.iter().any(|process| process.owners.iter().any(|own| own == owner));
        if alive { Owner::Alive } else { Owner::Unknown }
    }

    fn drain(&mut self, process: usize) {
        let mono = self.now.mono;
        let own = &mut self.processes[process];
        while let Some(effect) = own.machine.poll_effect() {
            match effect {
                Effect::Publish(snapshot) => own.snapshot = snapshot,
                Effect::Settle { ticket, result } => {
                    let twice = own.settled.insert(ticket, result);
                    assert!(twice.is_none(), "ticket {ticket} was settled twice");
                }
                Effect::Event(event) => own.events.push(event),
                Effect::Announce { owner } => own.owners.push(owner),
                Effect::Retire { owner } => own.owners.retain(|known| *known != owner),
                Effect::Abort { op } => {
                    if let Some((token, _)) = own.sends.remove(&op) {
                        self.endpoint.lose(&token);
                    }
                    own.pending
                        .retain(|effect| !matches!(effect, Effect::Send { op: send, .. } if *send == op));
                }
                Effect::Send { op, ref request } => {
                    own.last_sent = Some(spent(request));
                    own.sends.insert(op, (spent(request), mono));
                    own.pending.push(effect);
                }
                effect => own.pending.push(effect),
            }
        }
    }

    pub(super) fn names(&self, process: usize) -> Vec<&'static str> {
        self.processes[process].events.iter().map(|event| event.kind.name()).collect()
    }

    pub(super) fn count(&self, process: usize, wanted: &str) -> usize {
        self.names(process).into_iter().filter(|name| *name == wanted).count()
    }

    pub(super) fn last_event(&self, process: usize) -> &EventKind {
        &self.processes[process].events.last().unwrap().kind
    }

    /// What the fast path of a process does.
    pub(super) fn fast(&self, process: usize) -> Fast {
        self.fast_at(process, self.now)
    }

    /// What it does for a thread that read its clock at another time.
    pub(super) fn fast_at(&self, process: usize, now: Now) -> Fast {
        self.processes[process].snapshot.fast(now, None)
    }
}

/// The refresh token of a request; empty where there is none.
fn spent(request: &GrantRequest) -> String {
    match request {
        GrantRequest::RefreshToken { refresh_token, .. } => refresh_token.expose().to_owned(),
        _ => String::new(),
    }
}
