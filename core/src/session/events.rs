//! What a session reports: events in order, through bounded queues (spec 4.7, 10).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use rekindle_proto::event::{Event, EventKind};
use tokio::sync::Notify;

use super::counters::{Counters, Stats};
use crate::fork::{PerProcess, ProcessLocal};
use crate::lock::Mutex;
use crate::platform::Platform;

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
pub(crate) struct Dispatcher {
    queues: Arc<Queues>,
    /// `None`: nobody subscribed, as for most sessions.
    subscribers: ArcSwapOption<Vec<Arc<Subscriber>>>,
    counters: Counters,
}

struct Subscriber {
    call: OnEvent,
    /// A forked child gets the events of its own process.
    inbox: PerProcess<Inbox>,
}

#[derive(Default)]
struct Inbox {
    queue: Queue,
    /// A thread is delivering to it.
    busy: AtomicBool,
}

impl Dispatcher {
    pub(crate) fn stream(&self) -> Events {
        Events { queue: PerProcess::of(subscribe(&self.queues)), queues: self.queues.clone() }
    }

    pub(crate) fn subscribe(&self, call: OnEvent) {
        let subscriber = Arc::new(Subscriber { call, inbox: PerProcess::new() });
        self.subscribers.rcu(|known| {
            let known = known.iter().flat_map(|known| known.iter());
            Some(Arc::new(known.chain([&subscriber]).cloned().collect()))
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
        let subscribers = self.subscribers.load();
        let subscribers = subscribers.iter().flat_map(|subscribers| subscribers.iter());
        let undelivered =
            subscribers.filter(|subscriber| !subscriber.inbox().queue.push(event.clone())).count();
        self.counters.count_dropped(dropped + undelivered);
    }

    /// Outside the lock: delivers what is waiting.
    pub(crate) fn dispatch(&self, platform: &Platform) {
        for subscriber in self.subscribers.load().iter().flat_map(|subscribers| subscribers.iter()) {
            let inbox = subscriber.inbox();
            let waiting = !inbox.queue.waiting.lock().is_empty();
            if waiting && !inbox.busy.swap(true, Ordering::AcqRel) {
                let subscriber = subscriber.clone();
                let _ = platform.spawn_blocking(move || subscriber.deliver());
            }
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.read()
    }

    pub(crate) fn count_waiter(&self) {
        self.counters.count_waiter();
    }
}

impl Subscriber {
    fn deliver(&self) {
        let inbox = self.inbox();
        loop {
            while let Some(event) = inbox.queue.pop() {
                // A subscriber that panics must not end the others' events.
                let call = std::panic::AssertUnwindSafe(|| (self.call)(&event));
                let _ = std::panic::catch_unwind(call);
            }
            inbox.busy.store(false, Ordering::Release);
            let late = !inbox.queue.waiting.lock().is_empty();
            if !late || inbox.busy.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    fn inbox(&self) -> ProcessLocal<Inbox> {
        self.inbox.get(|_| Inbox::default())
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
        let dispatcher = Dispatcher::default();
        let events = dispatcher.stream();
        (0..MOST_WAITING + 10).for_each(|_| dispatcher.push(&event(EventKind::Replayed)));
        dispatcher.push(&event(EventKind::LoginRequired { reason: DeadReason::Rejected }));
        assert_eq!(dispatcher.stats().dropped, 10);
        let reported: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
        assert_eq!(reported.len(), MOST_WAITING + 1);
        assert_eq!(reported.last().unwrap().kind.name(), "LoginRequired");
    }

    // spec 4.7
    #[test]
    fn a_subscriber_gets_everything_in_order_and_may_panic() {
        let dispatcher = Dispatcher::default();
        let (heard, hears) = std::sync::mpsc::channel();
        dispatcher.subscribe(Arc::new(move |event: &Event| {
            heard.send(event.generation).unwrap();
            assert_ne!(event.generation, 2, "a subscriber's own mistake");
        }));
        for generation in 1..=5 {
            dispatcher.push(&Event { generation, ..event(EventKind::Replayed) });
            dispatcher.dispatch(&Platform::Thread);
        }
        let heard: Vec<u64> = (0..5).map(|_| hears.recv().unwrap()).collect();
        assert_eq!(heard, [1, 2, 3, 4, 5]);
    }
}
