//! Where a script is played: which step a request takes, who waits for whom, and what is written down.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

use crate::http::Request;
use crate::script::{Script, Step};

/// A benchmark must not fill the memory.
const LOG_MAX: usize = 20_000;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// Counted from 0, in the order of arrival.
    pub number: u64,
    /// Milliseconds since the server started.
    pub at_ms: u64,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The header of that name.
    pub authorization: Option<String>,
    /// The body, as text.
    pub body: String,
    /// The index of the step it took; None: the model's, or not scripted.
    pub step: Option<usize>,
}

pub(crate) struct Stage {
    play: Mutex<Play>,
    /// Counts what waiters may wait for: arrivals, releases, new scripts.
    changed: watch::Sender<u64>,
    begun: Instant,
}

struct Play {
    steps: Vec<(Step, u32)>,
    /// Which script this is: a request that waits for an older one goes on.
    script: u64,
    released: BTreeSet<String>,
    log: VecDeque<Logged>,
    seen: u64,
    unscripted: Vec<String>,
}

/// What a request takes part in.
pub(crate) struct Part {
    pub(crate) step: Step,
    index: usize,
    script: u64,
    /// How often the step must have been taken for its barrier to open.
    full: u32,
}

impl Stage {
    pub(crate) fn new(script: Script) -> Self {
        let play = Play {
            steps: fresh(script),
            script: 0,
            released: BTreeSet::new(),
            log: VecDeque::new(),
            seen: 0,
            unscripted: Vec::new(),
        };
        Self { play: Mutex::new(play), changed: watch::Sender::new(0), begun: Instant::now() }
    }

    /// Writes the request down and gives it its step.
    pub(crate) fn enter(&self, request: &Request) -> Option<Part> {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let part = self.play.lock().enter(request, at_ms);
        self.changed.send_modify(|count| *count += 1);
        part
    }

    /// Waits until the step's barrier is full and its hold released.
    pub(crate) async fn wait(&self, part: &Part) {
        self.until(|play| play.is_open(part)).await;
    }

    pub(crate) fn not_scripted(&self, request: &Request) {
        self.play.lock().unscripted.push(format!("{} {}", request.method, request.target));
    }

    pub(crate) fn replace(&self, script: Script) {
        let mut play = self.play.lock();
        let number = play.script + 1;
        *play = Play {
            steps: fresh(script),
            script: number,
            released: BTreeSet::new(),
            log: VecDeque::new(),
            seen: 0,
            unscripted: Vec::new(),
        };
        drop(play);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn release(&self, name: &str) {
        self.play.lock().released.insert(name.to_owned());
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn log(&self) -> Vec<Logged> {
        self.play.lock().log.iter().cloned().collect()
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn seen(&self, requests: u64) {
        self.until(|play| play.seen >= requests).await;
    }

    /// What is left of the script, and what it did not foresee. Empty: all is as scripted.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let play = self.play.lock();
        let left = play.steps.iter().enumerate().filter_map(|(index, (step, used))| {
            let (least, _) = step.uses();
            (*used < least).then(|| format!("step {index} {:?}: used {used} of {least} times", step.matching))
        });
        left.chain(play.unscripted.iter().map(|request| format!("not scripted: {request}"))).collect()
    }

    async fn until(&self, mut true_of: impl FnMut(&Play) -> bool) {
        // Before the first look, so that no change falls between look and wait.
        let mut changed = self.changed.subscribe();
        while !true_of(&self.play.lock()) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Play {
    fn enter(&mut self, request: &Request, at_ms: u64) -> Option<Part> {
        let part = self.take_step(request);
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        let step = part.as_ref().map(|part| part.index);
        self.log.push_back(logged(request, self.seen, at_ms, step));
        self.seen += 1;
        part
    }

    fn take_step(&mut self, request: &Request) -> Option<Part> {
        let script = self.script;
        let fits = |(step, used): &(Step, u32)| *used < step.uses().1 && step.matching.fits(request);
        let index = self.steps.iter().position(fits)?;
        let (step, used) = &mut self.steps[index];
        *used += 1;
        self.released.extend(step.release.clone());
        let full = step.barrier.map_or(0, |size| used.next_multiple_of(size.max(1)));
        Some(Part { step: step.clone(), index, script, full })
    }

    fn is_open(&self, part: &Part) -> bool {
        let released = part.step.hold.as_ref().is_none_or(|name| self.released.contains(name));
        self.script != part.script || (released && self.steps[part.index].1 >= part.full)
    }
}

fn fresh(script: Script) -> Vec<(Step, u32)> {
    script.steps.into_iter().map(|step| (step, 0)).collect()
}

fn logged(request: &Request, number: u64, at_ms: u64, step: Option<usize>) -> Logged {
    Logged {
        number,
        at_ms,
        method: request.method.clone(),
        path: request.path().to_owned(),
        target: request.target.clone(),
        headers: request.headers.clone(),
        authorization: request.header("authorization").map(str::to_owned),
        body: String::from_utf8_lossy(&request.body).into_owned(),
        step,
    }
}
