//! What a session tells: events in order, through bounded queues, and counters (spec 4.7, 10).

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use rekindle_proto::event::{Event, EventKind};
use tokio::sync::Notify;

use crate::fork::{Mine, PerProcess};
use crate::lock::Mutex;
use crate::platform::runtime;

/// How many events wait at most; what is dropped is counted.
const MOST_WAITING: usize = 256;

/// Called with each event, in order, on a thread of its own: it may block, and may call the session.
pub type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// The events of a session, from when it was asked for.
///
/// ```
/// # async fn f(session: rekindle::Session) {
/// let events = session.events();
/// while let Some(event) = events.try_next() {
///     println!("{} {}", event.generation, event.kind.name());
/// }
/// # }
/// ```
pub struct Events {
    queue: PerProcess<Arc<Queue>>,
    queues: Arc<Queues>,
}

/// A forked child has its own, and asks for its parent's events no more.
type Queues = PerProcess<Mutex<Vec<Arc<Queue>>>>;

impl Events {
    /// The next event, once there is one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// use rekindle::Credential;
    ///
    /// let events = session.events();
    /// session.sign_in(Credential { access_token: Some("at-2".into()), ..Credential::default() }).await?;
    /// assert_eq!(events.next().await.kind.name(), "SignedIn");
    /// # Ok(()) }
    /// ```
    pub async fn next(&self) -> Event {
        let queue = self.queue();
        loop {
            let woken = queue.woken.notified();
            if let Some(event) = queue.pop() {
                return event;
            }
            woken.await;
        }
    }

    /// The next event, if there is one already.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # let session = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// # let session = session.tokens("at-1", "rt-1").build()?;
    /// let events = session.events();
    /// assert_eq!(events.try_next(), None); // nothing has happened yet
    /// session.sign_out().await?;
    /// assert_eq!(events.try_next().unwrap().kind.name(), "SignedOut");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn try_next(&self) -> Option<Event> {
        self.queue().pop()
    }

    fn queue(&self) -> Arc<Queue> {
        self.queue.get_checked(|_| subscribe(&self.queues)).clone()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.queue().closed.store(true, Ordering::Release);
    }
}

fn subscribe(queues: &Queues) -> Arc<Queue> {
    let queue = Arc::new(Queue::default());
    queues.get(|_| Mutex::default()).lock().push(queue.clone());
    queue
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Event>>,
    woken: Notify,
    closed: AtomicBool,
}

impl Queue {
    /// `false` if the event was dropped. LoginRequired never is (spec 10.1).
    fn push(&self, event: Event) -> bool {
        let mut waiting = self.waiting.lock();
        let kept = waiting.len() < MOST_WAITING || matches!(event.kind, EventKind::LoginRequired { .. });
        if kept {
            waiting.push_back(event);
        }
        drop(waiting);
        self.woken.notify_one();
        kept
    }

    fn pop(&self) -> Option<Event> {
        self.waiting.lock().pop_front()
    }
}

/// Where events go.
#[derive(Default)]
pub(crate) struct Hub {
    queues: Arc<Queues>,
    /// `None`: nobody listens, as to most sessions.
    listeners: ArcSwapOption<Vec<Arc<Listener>>>,
    counters: Counters,
}

struct Listener {
    call: OnEvent,
    /// A forked child hears what happens there.
    ear: PerProcess<Ear>,
}

#[derive(Default)]
struct Ear {
    queue: Queue,
    /// Somebody is calling it at the moment.
    busy: AtomicBool,
}

impl Hub {
    pub(crate) fn subscribe(&self) -> Events {
        Events { queue: PerProcess::of(subscribe(&self.queues)), queues: self.queues.clone() }
    }

    pub(crate) fn listen(&self, call: OnEvent) {
        let listener = Arc::new(Listener { call, ear: PerProcess::new() });
        self.listeners.rcu(|known| {
            let known = known.iter().flat_map(|known| known.iter());
            Some(Arc::new(known.chain([&listener]).cloned().collect()))
        });
    }

    /// Never blocks: under the state's lock.
    pub(crate) fn push(&self, event: &Event) {
        self.counters.count(&event.kind);
        let dropped = self.queues.made().map_or(0, |queues| {
            let mut queues = queues.lock();
            queues.retain(|queue| !queue.closed.load(Ordering::Acquire));
            queues.iter().filter(|queue| !queue.push(event.clone())).count()
        });
        let listeners = self.listeners.load();
        let listeners = listeners.iter().flat_map(|listeners| listeners.iter());
        let unheard = listeners.filter(|listener| !listener.ear().queue.push(event.clone())).count();
        self.counters.dropped.fetch_add((dropped + unheard) as u64, Ordering::Relaxed);
    }

    /// Outside the lock: lets the listeners hear what is waiting for them.
    pub(crate) fn dispatch(&self) {
        for listener in self.listeners.load().iter().flat_map(|listeners| listeners.iter()) {
            let ear = listener.ear();
            let waiting = !ear.queue.waiting.lock().is_empty();
            if waiting && !ear.busy.swap(true, Ordering::AcqRel) {
                let listener = listener.clone();
                let _ = runtime::spawn_blocking(move || listener.hear());
            }
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.read()
    }

    pub(crate) fn count_waiter(&self) {
        self.counters.waiters.fetch_add(1, Ordering::Relaxed);
    }
}

impl Listener {
    fn hear(&self) {
        let ear = self.ear();
        loop {
            while let Some(event) = ear.queue.pop() {
                // A listener that panics must not end the others' events.
                let call = std::panic::AssertUnwindSafe(|| (self.call)(&event));
                let _ = std::panic::catch_unwind(call);
            }
            ear.busy.store(false, Ordering::Release);
            let late = !ear.queue.waiting.lock().is_empty();
            if !late || ear.busy.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    fn ear(&self) -> Mine<Ear> {
        self.ear.get(|_| Ear::default())
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident, $help:literal;)*) => {
        #[derive(Default)]
        struct Counters {
            $($name: AtomicU64,)*
        }

        /// How often things happened since the session was made (spec 10.2).
        ///
        /// ```
        /// # fn f(session: rekindle::Session) {
        /// let stats = session.stats();
        /// println!("{} refreshes, {} replays\n{}", stats.refreshes, stats.replays, stats.to_prometheus());
        /// # }
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Stats {
            /// The counters in the Prometheus text format.
            ///
            /// ```
            /// let text = rekindle::Stats::default().to_prometheus();
            /// assert!(text.contains("\nrekindle_refreshes_total 0\n"));
            /// ```
            #[must_use]
            pub fn to_prometheus(&self) -> String {
                let mut text = String::new();
                $(
                    let name = concat!("rekindle_", stringify!($name), "_total");
                    let _ = write!(text, "# HELP {name} {}\n# TYPE {name} counter\n{name} {}\n", $help, self.$name);
                )*
                text
            }

            /// Name and value of each counter.
            ///
            /// ```
            /// for (name, value) in rekindle::Stats::default().entries() {
            ///     assert_eq!(value, 0, "{name}");
            /// }
            /// ```
            #[must_use]
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Credentials given by a sign-in.
    sign_ins, "Sign-ins.";
    /// Refreshes started.
    refreshes_started, "Refreshes started.";
    /// Refreshes that brought a token.
    refreshes, "Refreshes that brought a token.";
    /// Refreshes that did not come through.
    refresh_failures, "Refreshes that did not come through.";
    /// Tokens taken from the store that somebody else had refreshed.
    adoptions, "Tokens adopted from another process.";
    /// Callers that waited for a refresh.
    waiters, "Callers that waited for a refresh.";
    /// Credentials that could not be saved at once.
    unpersisted, "Credentials that could not be saved at once.";
    /// Credentials that were saved later.
    persisted_late, "Credentials that were saved later.";
    /// Requests sent again with another token.
    replays, "Requests sent again with another token.";
    /// Requests sent again after a transient failure.
    retries, "Requests sent again after a transient failure.";
    /// Credentials lost: `invalid_grant` and the like.
    logins_required, "Credentials lost, the user must sign in.";
    /// Refreshes turned down because there were too many.
    refresh_limited, "Refreshes turned down because there were too many.";
    /// Sign-outs.
    sign_outs, "Sign-outs.";
    /// Warnings.
    warnings, "Warnings.";
    /// Events that nobody took out of a full queue.
    dropped, "Events dropped from a full queue.";
}

impl Counters {
    fn count(&self, kind: &EventKind) {
        let counter = match kind {
            EventKind::SignedIn => &self.sign_ins,
            EventKind::RefreshStarted { .. } => &self.refreshes_started,
            EventKind::RefreshSucceeded { .. } => &self.refreshes,
            EventKind::RefreshFailed { .. } => &self.refresh_failures,
            EventKind::Adopted => &self.adoptions,
            EventKind::Unpersisted => &self.unpersisted,
            EventKind::Persisted => &self.persisted_late,
            EventKind::Replayed => &self.replays,
            EventKind::Retried => &self.retries,
            EventKind::LoginRequired { .. } => &self.logins_required,
            EventKind::RefreshLimited => &self.refresh_limited,
            EventKind::SignedOut => &self.sign_outs,
            _ => &self.warnings,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_proto::DeadReason;

    fn event(kind: EventKind) -> Event {
        Event { lineage: "l".into(), generation: 1, kind }
    }

    // spec 10.1
    #[test]
    fn a_full_queue_counts_what_it_drops_and_never_drops_a_lost_login() {
        let hub = Hub::default();
        let events = hub.subscribe();
        (0..MOST_WAITING + 10).for_each(|_| hub.push(&event(EventKind::Replayed)));
        hub.push(&event(EventKind::LoginRequired { reason: DeadReason::Rejected }));
        assert_eq!(hub.stats().dropped, 10);
        let told: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
        assert_eq!(told.len(), MOST_WAITING + 1);
        assert_eq!(told.last().unwrap().kind.name(), "LoginRequired");
    }

    // spec 4.7
    #[test]
    fn a_listener_hears_everything_in_order_and_may_panic() {
        let hub = Hub::default();
        let (heard, hears) = std::sync::mpsc::channel();
        hub.listen(Arc::new(move |event: &Event| {
            heard.send(event.generation).unwrap();
            assert_ne!(event.generation, 2, "a listener's own mistake");
        }));
        for generation in 1..=5 {
            hub.push(&Event { generation, ..event(EventKind::Replayed) });
            hub.dispatch();
        }
        let heard: Vec<u64> = (0..5).map(|_| hears.recv().unwrap()).collect();
        assert_eq!(heard, [1, 2, 3, 4, 5]);
    }

    // spec 10.2
    #[test]
    fn counters_are_prometheus_text() {
        let hub = Hub::default();
        hub.push(&event(EventKind::Adopted));
        let text = hub.stats().to_prometheus();
        assert!(
            text.contains("# TYPE rekindle_adoptions_total counter\nrekindle_adoptions_total 1\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3 * hub.stats().entries().len());
    }
}
