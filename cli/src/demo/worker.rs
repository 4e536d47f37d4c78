//! One of the demo's processes: it gets its job on standard input, and tells on standard output.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rekindle::Event;
use rekindle::EventKind;
use rekindle::store::FileStore;
use rekindle::{Client, Session, SessionBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::task::JoinSet;

use crate::exit::{Done, Stop};
use crate::output;

/// The demo's servers know this client.
const CLIENT: (&str, &str) = ("app", "app-secret");
const QUERY: &str = "{ students(limit: 5) { id fullName classroomName } }";

/// What a process has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) dialect: String,
    pub(crate) rotation: String,
    pub(crate) base_url: String,
    pub(crate) token_url: String,
    pub(crate) graphql: bool,
    pub(crate) store: PathBuf,
    pub(crate) requests: u32,
    pub(crate) at_once: u32,
}

/// What a process tells, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// It has read the credential, and waits for the word.
    Ready,
    /// Something happened to the session.
    Event(String),
    /// It is through.
    Result(Outcome),
}

/// What came of a process's requests.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) latencies_us: Vec<u64>,
    pub(crate) failures: Vec<String>,
    pub(crate) replays: u64,
    pub(crate) waiters: u64,
}

impl Job {
    pub(crate) fn session(&self, more: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Done<Session> {
        let rotation = self.rotation.parse().map_err(Stop::usage)?;
        let builder = Session::builder(self.dialect.as_str())
            .rotation(rotation)
            .token_url(&self.token_url)
            .client_id(CLIENT.0)
            .client_secret(CLIENT.1)
            .origin(&self.base_url)
            .background(false);
        Ok(more(builder).build()?)
    }
}

pub(crate) async fn run() -> Done {
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    let job: Job =
        serde_json::from_str(&line(&mut input).await?).map_err(|error| Stop::usage(error.to_string()))?;
    let store = FileStore::new(&job.store);
    let session = job.session(|builder| builder.store(store).on_event(tell_event))?;
    session.fresh_status().await?;
    report(&Message::Ready)?;
    line(&mut input).await?;
    let client = Client::builder(session.clone()).base_url(&job.base_url).graphql_path("/").build()?;
    let outcome = tokio::select! {
        outcome = work(client, &job) => outcome,
        // The demo is gone: nobody waits for the rest.
        () = closed(&mut input) => return Ok(()),
    };
    session.shutdown(Duration::from_secs(10)).await;
    let stats = session.stats();
    report(&Message::Result(Outcome { replays: stats.replays, waiters: stats.waiters, ..outcome }))
}

/// As many tasks as requests may run at once, each taking the next request as it gets free.
async fn work(client: Client, job: &Job) -> Outcome {
    let left = Arc::new(AtomicU32::new(job.requests));
    let mut tasks = JoinSet::new();
    for _ in 0..job.at_once {
        tasks.spawn(task(client.clone(), job.graphql, left.clone()));
    }
    let mut outcome = Outcome::default();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((latencies, failures)) => {
                outcome.latencies_us.extend(latencies);
                outcome.failures.extend(failures);
            }
            Err(error) => outcome.failures.push(error.to_string()),
        }
    }
    outcome
}

async fn task(client: Client, graphql: bool, left: Arc<AtomicU32>) -> (Vec<u64>, Vec<String>) {
    let (mut latencies, mut failures) = (Vec::new(), Vec::new());
    let take = |left: u32| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let begun = Instant::now();
        match ask(&client, graphql).await {
            Ok(()) => latencies.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)),
            Err(error) => failures.push(error.to_string()),
        }
    }
    (latencies, failures)
}

async fn ask(client: &Client, graphql: bool) -> Result<(), rekindle::Error> {
    if graphql {
        return client.graphql::<Value>(QUERY, ()).await.map(drop);
    }
    client.get("/data").send().await?.error_for_status()?.bytes().await.map(drop)
}

/// Replays are counted, not told one by one: there are as many as requests.
fn tell_event(event: &Event) {
    let text = match &event.kind {
        EventKind::Replayed | EventKind::Retried => return,
        EventKind::RefreshStarted { cause } => format!("RefreshStarted ({})", cause.name()),
        EventKind::RefreshSucceeded { waiters, duration, persisted } => format!(
            "RefreshSucceeded ({waiters} waited, {} ms, {})",
            duration.as_millis(),
            if *persisted { "stored" } else { "not stored yet" }
        ),
        EventKind::RefreshFailed { kind, .. } => format!("RefreshFailed ({kind})"),
        EventKind::Adopted => "Adopted (another process refreshed)".to_owned(),
        other => other.name().to_owned(),
    };
    // If nobody listens any more, the work ends by itself.
    let _ = report(&Message::Event(text));
}

fn report(told: &Message) -> Done {
    let text = serde_json::to_string(told).map_err(|error| Stop::usage(error.to_string()))?;
    output::line(&text)
}

async fn line(input: &mut Lines<BufReader<Stdin>>) -> Done<String> {
    let line = input.next_line().await.map_err(|error| Stop::system("no job on standard input", &error))?;
    line.ok_or_else(|| Stop::usage("this is a part of `rekindle demo`, and gets its job from there"))
}

async fn closed(input: &mut Lines<BufReader<Stdin>>) {
    while let Ok(Some(_)) = input.next_line().await {}
}
