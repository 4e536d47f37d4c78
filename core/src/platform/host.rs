//! A host that drives the core itself: the core starts no thread, and the host supplies the time and the randomness.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rekindle_proto::Now;
use rekindle_proto::machine::Entropy;

use crate::clock::{Clock, ManualClock};
use crate::lock::Mutex;

/// Runs sessions in a program with its own event loop. Each [turn](Host::turn) sets the time, runs everything that is
/// ready, and returns when the next turn is due.
///
/// Pass it to [`SessionBuilder::host`](crate::SessionBuilder::host), together with a store and a transport that forward
/// their requests and are answered later. No thread is started and no clock is read.
///
/// ```
/// use std::time::Duration;
/// use rekindle::{Now, Wall};
/// use rekindle::{Host, Session};
///
/// let host = Host::new([7; 32]); // 32 random bytes
/// let mut now = Now { mono: Duration::from_secs(1), wall: Wall(1_893_456_000_000) };
/// host.turn(now);
/// let session = Session::builder("oauth2").token_url("https://auth.example.com/token").host(&host);
/// # struct Nowhere;
/// # #[async_trait::async_trait]
/// # impl rekindle::transport::Transport for Nowhere {
/// #     async fn send(&self, _: rekindle::transport::TransportRequest)
/// #         -> Result<rekindle::transport::TransportResponse, rekindle::transport::TransportError> {
/// #         std::future::pending().await
/// #     }
/// # }
/// # let session = session.transport(Nowhere);
/// let session = session.tokens("at-1", "rt-1").build()?;
///
/// let asking = session.clone();
/// host.spawn(async move { assert_eq!(asking.token().await.unwrap().value(), "at-1") });
/// let due = host.turn(now); // the call has ended: what was to be saved is saved
/// assert_eq!(session.status().generation, Some(1));
/// if let Some(due) = due {
///     now.mono = due; // a timer: wait until then, or until an answer comes
/// }
/// # Ok::<(), rekindle::Error>(())
/// ```
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    clock: ManualClock,
    /// The host in the form that sessions take.
    shared_clock: Arc<dyn Clock>,
    ready: Arc<Ready>,
    /// The stream of random numbers, with the process that reads from it.
    entropy: Mutex<(u64, Entropy)>,
    boot: Option<Arc<str>>,
}

/// The tasks that are ready.
#[derive(Default)]
struct Ready(Mutex<VecDeque<Arc<Task>>>);

struct Task {
    /// `None`: the task has ended, or was aborted.
    work: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    queued: AtomicBool,
    called_off: AtomicBool,
    ready: Weak<Ready>,
}

/// Aborts a task.
pub(crate) struct HostTask(Weak<Task>);

impl Host {
    /// Creates a host whose randomness comes from this seed: 32 unpredictable bytes.
    ///
    /// ```
    /// let host = rekindle::Host::new([7; 32]);
    /// assert_eq!(format!("{host:?}"), "Host(..)"); // the seed stays inside
    /// ```
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self::of(seed, None)
    }

    /// Like [`Host::new`], if other processes share the monotonic clock: `boot` identifies its starting point (spec
    /// 4.5).
    ///
    /// ```
    /// let boot = "6f8d1f0e-8a53-4f0b-9a0e-0d9c1b1f2a3b"; // Linux: /proc/sys/kernel/random/boot_id
    /// let host = rekindle::Host::of_boot([7; 32], boot);
    /// # let _ = host;
    /// ```
    #[must_use]
    pub fn of_boot(seed: [u8; 32], boot: &str) -> Self {
        Self::of(seed, Some(boot.into()))
    }

    /// Sets the clocks and runs everything that is ready. Returns when the next timer is due, on the monotonic clock.
    ///
    /// ```
    /// use rekindle::{Now, Wall};
    ///
    /// let host = rekindle::Host::new([7; 32]);
    /// assert_eq!(host.turn(Now { mono: std::time::Duration::from_secs(1), wall: Wall(0) }), None);
    /// ```
    pub fn turn(&self, now: Now) -> Option<Duration> {
        self.0.clock.set(now);
        while let Some(task) = self.0.ready.next() {
            task.run();
        }
        self.0.clock.next_due()
    }

    /// Sets only the clocks: to inspect a session between turns. The monotonic clock never goes back.
    ///
    /// ```
    /// use rekindle::{Now, Wall};
    ///
    /// let host = rekindle::Host::new([7; 32]);
    /// host.set_clock(Now { mono: std::time::Duration::from_secs(1), wall: Wall(1_893_456_000_000) });
    /// assert!(!host.has_work());
    /// ```
    pub fn set_clock(&self, now: Now) {
        self.0.clock.set(now);
    }

    /// Whether there is work to do: a [turn](Host::turn) is due.
    ///
    /// ```
    /// let host = rekindle::Host::new([7; 32]);
    /// host.spawn(async {});
    /// assert!(host.has_work());
    /// ```
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.0.ready.0.lock().is_empty()
    }

    /// Runs a future in the host's turns.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// let host = rekindle::Host::new([7; 32]);
    /// let (done, is_done) = channel();
    /// host.spawn(async move { done.send(()).unwrap() });
    /// assert!(is_done.try_recv().is_err());
    /// host.turn(Default::default());
    /// assert!(is_done.try_recv().is_ok());
    /// ```
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.task(work);
    }

    pub(crate) fn task(&self, work: impl Future<Output = ()> + Send + 'static) -> HostTask {
        let task = Arc::new(Task {
            work: Mutex::new(Some(Box::pin(work))),
            queued: AtomicBool::new(true),
            called_off: AtomicBool::new(false),
            ready: Arc::downgrade(&self.0.ready),
        });
        let handle = HostTask(Arc::downgrade(&task));
        self.0.ready.push(task);
        handle
    }

    fn of(seed: [u8; 32], boot: Option<Arc<str>>) -> Self {
        super::random::stir(seed);
        let clock = ManualClock::default();
        let shared_clock = Arc::new(clock.clone());
        let entropy = Mutex::new((super::fork::mark(), Entropy::new(seed)));
        Self(Arc::new(Inner { clock, shared_clock, ready: Arc::default(), entropy, boot }))
    }

    /// The clock that sessions use: for work besides sessions, such as
    /// [`discover_with`](crate::sign_in::discover_with).
    ///
    /// ```
    /// use rekindle::{Now, Wall};
    ///
    /// let host = rekindle::Host::new([7; 32]);
    /// host.set_clock(Now { mono: std::time::Duration::from_secs(1), wall: Wall(1_893_456_000_000) });
    /// assert_eq!(host.clock().now().wall, Wall(1_893_456_000_000));
    /// ```
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.0.shared_clock.clone()
    }

    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    pub(crate) fn boot(&self) -> Option<Arc<str>> {
        self.0.boot.clone()
    }

    pub(crate) fn random(&self, into: &mut [u8]) {
        let mut entropy = self.0.entropy.lock();
        // A forked child continues with its own stream: if two processes generated the same owner id, they would be
        // taken for one.
        let process = super::fork::mark();
        if entropy.0 != process {
            let mut seed = [0; 32];
            entropy.1.fill(&mut seed);
            seed.iter_mut().zip(process.to_le_bytes()).for_each(|(seed, mark)| *seed ^= mark);
            *entropy = (process, Entropy::new(seed));
        }
        entropy.1.fill(into);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host(..)")
    }
}

impl Ready {
    fn next(&self) -> Option<Arc<Task>> {
        self.0.lock().pop_front()
    }

    fn push(&self, task: Arc<Task>) {
        self.0.lock().push_back(task);
    }
}

impl Task {
    fn run(self: Arc<Self>) {
        self.queued.store(false, Ordering::Release);
        let mut work = self.work.lock();
        let Some(going) = work.as_mut().filter(|_| !self.called_off.load(Ordering::Acquire)) else {
            *work = None;
            return;
        };
        let waker = Waker::from(self.clone());
        let mut context = Context::from_waker(&waker);
        // A task that panicked is dropped, which wakes its waiters, and the other tasks continue.
        let polled = std::panic::AssertUnwindSafe(|| going.as_mut().poll(&mut context));
        if !matches!(std::panic::catch_unwind(polled), Ok(Poll::Pending)) {
            *work = None;
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel)
            && let Some(ready) = self.ready.upgrade()
        {
            ready.push(self);
        }
    }
}

impl HostTask {
    pub(crate) fn abort(&self) {
        if let Some(task) = self.0.upgrade() {
            task.called_off.store(true, Ordering::Release);
            // Dropped later, in a turn: the thread that aborts it may hold a lock that the task takes when it is
            // dropped.
            task.wake();
        }
    }
}
