//! Carries out the machine's requests to servers: grant requests, and revoking tokens.

use std::sync::Arc;

use rekindle_proto::machine::{Effect, OpId};
use rekindle_proto::{GrantRequest, Outcome, Secret, ServerError};

use super::Engine;
use crate::platform::{Running, TaskHandle};
use crate::session::refresh_function::panicked;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use crate::session::telemetry;

impl Engine {
    pub(super) fn run_network(self: &Arc<Self>, effect: Effect) {
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

    /// Asks the server to revoke a token, for at most as long as a refresh may take. `None`: there is no endpoint for
    /// it.
    pub(in crate::session) async fn revoke(self: &Arc<Self>, token: Secret) -> Option<bool> {
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

    fn send(self: &Arc<Self>, op: OpId, request: GrantRequest) {
        let engine = self.clone();
        let work = async move {
            let guarded = engine.clone();
            let serving = engine.published().served.as_ref().map(|served| served.current.value.clone());
            // A separate task: a panic in a user's refresh function counts as a lost response.
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
}

struct AbortOnDrop(TaskHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
