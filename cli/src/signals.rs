//! SIGINT and SIGTERM: the command ends at once, a refresh that is under way does not (spec 4.10).

use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rekindle::session::Events;
use rekindle::{ErrorKind, Session};
use rekindle::{EventKind, Warning};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::exit::Done;
use crate::output;

/// How long a refresh and an unsaved credential are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the command may take to let go of what it holds: temp folders, the demo's processes.
const LET_GO: Duration = Duration::from_secs(5);

/// Knows the session that must not be left in the middle of something.
pub(crate) struct Guard {
    session: OnceLock<Session>,
    /// What it tells, and whether programs read it.
    warnings: OnceLock<(Events, bool)>,
    /// A signal came.
    signal: watch::Sender<bool>,
    /// The command has ended because of it.
    ended: watch::Sender<bool>,
}

impl Guard {
    /// Watches for signals from now on, on a thread of its own: the command may be blocked in a write.
    pub(crate) fn listen() -> io::Result<Arc<Self>> {
        let guard = Arc::new(Self {
            session: OnceLock::new(),
            warnings: OnceLock::new(),
            signal: watch::Sender::new(false),
            ended: watch::Sender::new(false),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = runtime.block_on(async { Signals::new() })?;
        let watched = guard.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || watched.watch(&runtime, signals))?;
        Ok(guard)
    }

    /// This session is waited for, and what it warns of told.
    pub(crate) fn protect(&self, session: &Session, json: bool) {
        // A command has one session.
        let _ = self.session.set(session.clone());
        let _ = self.warnings.set((session.events(), json));
    }

    fn tell_warnings(&self) {
        let Some((events, json)) = self.warnings.get() else { return };
        while let Some(event) = events.try_next() {
            if let EventKind::Warned(warning) = event.kind {
                match json {
                    true => {
                        output::warn_json(&json!({ "warning": warning.name(), "message": advice(warning) }))
                    }
                    false => output::warn(&format!("rekindle: warning: {}", advice(warning))),
                }
            }
        }
    }

    /// Runs the command; none if a signal came first: then it was dropped.
    pub(crate) async fn until_signal<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut signal = self.signal.subscribe();
        tokio::select! {
            biased;
            _ = signal.wait_for(|came| *came) => None,
            done = work => Some(done),
        }
    }

    /// The watching thread ends the process.
    pub(crate) fn leave_to_signal(&self) -> ! {
        self.ended.send_replace(true);
        loop {
            std::thread::park();
        }
    }

    /// Waits for what the session has under way, once the command is through.
    pub(crate) async fn settle(&self) -> Done {
        let Some(session) = self.session.get() else { return Ok(()) };
        let settled = session.shutdown(PATIENCE).await || session.status().persisted;
        self.tell_warnings();
        if settled {
            return Ok(());
        }
        let message = "the new credential could not be saved, and is lost with this process: \
            fix the store (`rekindle status` names it), then sign in again if the next command asks for it";
        Err(rekindle::Error::new(ErrorKind::StoreUnavailable, message).into())
    }

    fn watch(&self, runtime: &Runtime, mut signals: Signals) {
        runtime.block_on(async {
            let code = signals.next().await;
            self.signal.send_replace(true);
            tokio::select! {
                () = self.finish() => {}
                _ = signals.next() => {}
            }
            std::process::exit(code);
        });
    }

    async fn finish(&self) {
        if let Some(session) = self.session.get() {
            if session.status().refreshing {
                output::warn(
                    "rekindle: a refresh is in progress, waiting up to 10 s for it; a second signal ends at once",
                );
            }
            session.shutdown(PATIENCE).await;
        }
        let mut ended = self.ended.subscribe();
        // In vain if the command is blocked in a write.
        let _ = tokio::time::timeout(LET_GO, ended.wait_for(|ended| *ended)).await;
    }
}

/// What a warning means for who is at the keyboard.
fn advice(warning: Warning) -> &'static str {
    match warning {
        Warning::ScopeNarrowed => {
            "the new token has a narrower scope than the old one: some requests may be refused"
        }
        Warning::RefreshTokenEnds => {
            "the refresh token is in the last tenth of its lifetime: sign in again soon"
        }
        Warning::LifeTooShort => "the server's tokens have a shorter lifetime than what was asked for",
        Warning::InsecureOrigin => "a token is sent without TLS, to an origin of insecure_origins",
        Warning::SeedIgnored => "the store already has a credential, and the one that was given was not used",
        other => other.name(),
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The exit code that shells give to a process that this signal ended.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}
