//! The events of a session: in order, through bounded queues (spec 4.7, 10).

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use arc_swap::ArcSwapOption;
use futures_core::Stream;
use rekindle_proto::event::{Event, EventKind};
use tokio::sync::Notify;

use super::counters::{Counters, Stats};
use crate::fork::{PerProcess, ProcessLocal};
use crate::lock::Mutex;
use crate::platform::Platform;

/// The maximum number of queued events; dropped events are counted.
const MOST_WAITING: usize = 256;

/// Called with each event and the key of its session, in order, on its own thread: it may block, and may call
/// the session.
pub(crate) type OnEvent = Arc<dyn Fn(&str, &Event) + Send + Sync>;

/// The events of a session since [`Session::events`](crate::Session::events) was called. A [`Stream`] that never ends.
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
    queue: PerProcess<Arc<Queue<Event>>>,
    queues: Arc<Queues>,
}

/// A forked child has its own queue, and does not get its parent's events.
type Queues = PerProcess<Mutex<Vec<Arc<Queue<Event>>>>>;

impl Events {
    /// Waits for the next event.
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

    /// The next event, if one is already queued.
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

    fn queue(&self) -> Arc<Queue<Event>> {
        // A forked child's queue is empty, and gets the child's events.
        self.queue.get_checked(|_| subscribe(&self.queues)).clone()
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let queue = self.queue();
        // The waker is set first, so that an event in between wakes it.
        queue.polled.lock().replace(context.waker().clone());
        queue.pop().map_or(Poll::Pending, |event| Poll::Ready(Some(event)))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.queue().closed.store(true, Ordering::Release);
    }
}

fn subscribe(queues: &Queues) -> Arc<Queue<Event>> {
    let queue = Arc::new(Queue::new());
    queues.get(|_| Mutex::default()).lock().push(queue.clone());
    queue
}

struct Queue<T> {
    waiting: Mutex<VecDeque<T>>,
    woken: Notify,
    /// The waker of the stream that is polled.
    polled: Mutex<Option<Waker>>,
    closed: AtomicBool,
}

impl<T> Queue<T> {
    fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            woken: Notify::new(),
            polled: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// `false` if the event was dropped. LoginRequired never is (spec 10.1).
    fn push(&self, kind: &EventKind, event: T) -> bool {
        let mut waiting = self.waiting.lock();
        let kept = waiting.len() < MOST_WAITING || matches!(kind, EventKind::LoginRequired { .. });
        if kept {
            waiting.push_back(event);
        }
        drop(waiting);
        self.woken.notify_one();
        let polled = self.polled.lock().take();
        polled.into_iter().for_each(Waker::wake);
        kept
    }

    fn pop(&self) -> Option<T> {
        self.waiting.lock().pop_front()
    }
}

/// The receivers of events.
#[derive(Default)]
pub(crate) struct Dispatcher {
    /// Created when a stream is first requested: most sessions have none.
    queues: OnceLock<Arc<Queues>>,
    /// `None`: there is no subscriber, as for most sessions.
    subscribers: ArcSwapOption<Vec<Arc<Subscriber>>>,
    counters: Counters<AtomicU32>,
    /// The subscriber of all sessions of the app.
    totals: Arc<Counters<AtomicU64>>,
}

/// A subscriber of the events of one session, or of many.
pub(crate) struct Subscriber {
    call: OnEvent,
    /// A forked child gets the events of its own process.
    inbox: PerProcess<Inbox>,
}

struct Inbox {
    queue: Queue<(Arc<str>, Event)>,
    /// A thread is delivering to it.
    busy: AtomicBool,
}

thread_local! {
    /// Whether this thread is calling a subscriber.
    static DELIVERING: Cell<bool> = const { Cell::new(false) };
}

struct Delivering;

impl Delivering {
    fn begin() -> Self {
        DELIVERING.set(true);
        Self
    }
}

impl Drop for Delivering {
    fn drop(&mut self) {
        DELIVERING.set(false);
    }
}

impl Inbox {
    fn is_empty(&self) -> bool {
        !self.busy.load(Ordering::Acquire) && self.queue.waiting.lock().is_empty()
    }
}

impl Dispatcher {
    pub(crate) fn stream(&self) -> Events {
        let queues = self.queues.get_or_init(Arc::default);
        Events { queue: PerProcess::of(subscribe(queues)), queues: queues.clone() }
    }

    pub(crate) fn new(
        subscribers: Option<Arc<Vec<Arc<Subscriber>>>>,
        totals: Arc<Counters<AtomicU64>>,
    ) -> Self {
        Self { subscribers: ArcSwapOption::new(subscribers), totals, ..Self::default() }
    }

    /// Adds those that have not subscribed yet.
    pub(crate) fn subscribe(&self, new: &[Arc<Subscriber>]) {
        self.subscribers.rcu(|known| {
            let mut all: Vec<_> = known.iter().flat_map(|known| known.iter()).cloned().collect();
            for subscriber in new {
                if !all.iter().any(|one| Arc::ptr_eq(one, subscriber)) {
                    all.push(subscriber.clone());
                }
            }
            Some(Arc::new(all))
        });
    }

    /// Never blocks, because it runs under the state's lock.
    pub(crate) fn push(&self, key: &Arc<str>, event: &Event) {
        self.counters.count(&event.kind);
        self.totals.count(&event.kind);
        let queues = self.queues.get().and_then(|queues| queues.made());
        let dropped = queues.map_or(0, |queues| {
            let mut queues = queues.lock();
            queues.retain(|queue| !queue.closed.load(Ordering::Acquire));
            queues.iter().filter(|queue| !queue.push(&event.kind, event.clone())).count()
        });
        let subscribers = self.subscribers.load();
        let subscribers = subscribers.iter().flat_map(|subscribers| subscribers.iter());
        let delivered = |subscriber: &Subscriber| {
            subscriber.inbox().queue.push(&event.kind, (key.clone(), event.clone()))
        };
        let undelivered = subscribers.filter(|subscriber| !delivered(subscriber)).count();
        self.counters.count_dropped(dropped + undelivered);
        self.totals.count_dropped(dropped + undelivered);
    }

    pub(crate) fn has_subscribers(&self) -> bool {
        self.subscribers.load().is_some()
    }

    /// Whether all events so far were delivered. A caller on the delivering thread does not wait for itself.
    pub(crate) fn is_delivered(&self) -> bool {
        let subscribers = self.subscribers.load();
        let mut subscribers = subscribers.iter().flat_map(|subscribers| subscribers.iter());
        DELIVERING.get() || subscribers.all(|subscriber| subscriber.inbox().is_empty())
    }

    /// Called without the lock: delivers the queued events. Calls `delivered` whenever the queue is empty.
    pub(crate) fn dispatch(&self, platform: &Platform, delivered: impl Fn() + Clone + Send + 'static) {
        for subscriber in self.subscribers.load().iter().flat_map(|subscribers| subscribers.iter()) {
            let inbox = subscriber.inbox();
            let waiting = !inbox.queue.waiting.lock().is_empty();
            if waiting && !inbox.busy.swap(true, Ordering::AcqRel) {
                let (subscriber, delivered) = (subscriber.clone(), delivered.clone());
                let work = move || {
                    subscriber.deliver();
                    delivered();
                };
                if platform.spawn_blocking(work).is_err() {
                    inbox.busy.store(false, Ordering::Release);
                }
            }
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.read()
    }

    pub(crate) fn count_waiter(&self) {
        self.counters.count_waiter();
        self.totals.count_waiter();
    }
}

impl Subscriber {
    pub(crate) fn new(call: OnEvent) -> Self {
        Self { call, inbox: PerProcess::new() }
    }

    fn deliver(&self) {
        let inbox = self.inbox();
        let _delivering = Delivering::begin();
        loop {
            while let Some((key, event)) = inbox.queue.pop() {
                // A subscriber that panics must not end the events of others.
                let call = std::panic::AssertUnwindSafe(|| (self.call)(&key, &event));
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
        self.inbox.get(|_| Inbox { queue: Queue::new(), busy: AtomicBool::new(false) })
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
        let (dispatcher, key) = (Dispatcher::default(), "ada".into());
        let events = dispatcher.stream();
        (0..MOST_WAITING + 10).for_each(|_| dispatcher.push(&key, &event(EventKind::Replayed)));
        dispatcher.push(&key, &event(EventKind::LoginRequired { reason: DeadReason::Rejected }));
        assert_eq!(dispatcher.stats().dropped, 10);
        let reported: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
        assert_eq!(reported.len(), MOST_WAITING + 1);
        assert_eq!(reported.last().unwrap().kind.name(), "LoginRequired");
    }

    // spec 10.1
    #[test]
    fn a_stream_is_woken_by_the_next_event_and_never_ends() {
        struct Counting(AtomicU32);
        impl std::task::Wake for Counting {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (dispatcher, key) = (Dispatcher::default(), "ada".into());
        let mut events = dispatcher.stream();
        let wakes = Arc::new(Counting(AtomicU32::new(0)));
        let waker = Waker::from(wakes.clone());
        let mut poll = || Pin::new(&mut events).poll_next(&mut Context::from_waker(&waker));
        assert!(poll().is_pending());
        dispatcher.push(&key, &event(EventKind::Replayed));
        dispatcher.push(&key, &event(EventKind::Replayed));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(matches!(poll(), Poll::Ready(Some(event)) if event.kind == EventKind::Replayed));
        assert!(poll().is_ready());
        assert!(poll().is_pending());
    }

    // spec 4.7
    #[test]
    fn a_subscriber_gets_everything_in_order_and_may_panic() {
        let dispatcher = Dispatcher::default();
        let (heard, hears) = std::sync::mpsc::channel();
        let subscriber = [Arc::new(Subscriber::new(Arc::new(move |key: &str, event: &Event| {
            heard.send((key.to_owned(), event.generation)).unwrap();
            assert_ne!(event.generation, 2, "a subscriber's own mistake");
        })))];
        dispatcher.subscribe(&subscriber);
        dispatcher.subscribe(&subscriber);
        for generation in 1..=5 {
            dispatcher.push(&"ada".into(), &Event { generation, ..event(EventKind::Replayed) });
            dispatcher.dispatch(&Platform::Thread, || {});
        }
        let heard: Vec<_> = (0..5).map(|_| hears.recv().unwrap()).collect();
        assert_eq!(heard, [1, 2, 3, 4, 5].map(|generation| ("ada".to_owned(), generation)));
    }
}
