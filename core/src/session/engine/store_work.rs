//! Carries out the machine's requests to the store.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rekindle_proto::machine::{Effect, rebound};
use rekindle_proto::store::{Expected, Loaded, Owner, Saved, Unavailable};
use rekindle_proto::{ErrorKind, Failure, Wall};

use super::{Engine, no_thread};

/// A load or save that takes longer counts as Unavailable; it continues nevertheless (spec 4.5).
const STORE_CAP: Duration = Duration::from_secs(5);

/// How often moving a record is tried if other processes write it.
const REBINDS: u32 = 8;

impl Engine {
    /// The store work of one decision is done in order: an owner is announced before its lease becomes visible.
    pub(super) fn run_store(self: &Arc<Self>, effects: Vec<Effect>) {
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
                // Together with the store's clock, by which the record's times are interpreted.
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
                // In a forked child, the copy of a store that is not shared is another one.
                let owner = match self.process().forked && !store.shared() {
                    true => Ok(Owner::Dead),
                    false => self.bounded(async move { store.owner(&key, &owner).await }).await,
                };
                let owner = owner.unwrap_or(Owner::Unknown);
                self.ask(|machine, now| machine.handle_owner(op, owner, now));
            }
            // Both are best effort.
            Effect::Announce { owner } => {
                drop(self.bounded(async move { store.announce(&key, &owner).await }).await)
            }
            Effect::Retire { owner } => {
                drop(self.bounded(async move { store.retire(&key, &owner).await }).await)
            }
            _ => {}
        }
    }

    /// Limits the wait, but lets the work continue: a save that has started is never dropped half-way.
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

    /// Moves the stored record to this session's configuration. Returns whether anything had to be changed.
    pub(in crate::session) async fn rebind(&self) -> Result<bool, Failure> {
        let unavailable = |unavailable: Unavailable| {
            Failure::new(ErrorKind::StoreUnavailable, format!("the store is not available: {unavailable}"))
        };
        // Other processes write, too: a lease, a refresh.
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

fn wall(time: SystemTime) -> Wall {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
