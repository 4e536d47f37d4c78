//! Starts the processes, lets them begin together, and collects their results.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;

use super::live::Live;
use super::plan::Plan;
use super::worker::{Job, Message, Outcome};
use crate::exit::{Done, Stop};

/// More than a request may take in all.
const PATIENCE: Duration = Duration::from_secs(120);

struct Process {
    place: usize,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// Runs the job on all processes at once; they are gone when this ends, however it ends.
pub(crate) async fn run(job: &Job, plan: &Plan, live: &Live) -> Done<Outcome> {
    let mut processes = Vec::new();
    for (place, share) in plan.shares().enumerate() {
        let job = Job { requests: share.requests, at_once: share.at_once, ..job.clone() };
        processes.push(Process::start(place + 1, &job).await?);
    }
    for process in &mut processes {
        process.until_ready().await?;
    }
    let mut running = JoinSet::new();
    for mut process in processes {
        process.send("go").await?;
        running.spawn(process.until_done(live.clone()));
    }
    let mut whole = Outcome::default();
    while let Some(done) = running.join_next().await {
        whole.add(done.map_err(|error| Stop::demo(error.to_string()))??);
    }
    Ok(whole)
}

impl Process {
    async fn start(place: usize, job: &Job) -> Done<Self> {
        let failed = |error| Stop::system("the demo's processes cannot be started", &error);
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .arg("demo-worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Stop::demo("a process has no pipes"));
        };
        let mut process = Self { place, child, input, output: BufReader::new(output).lines() };
        let job = serde_json::to_string(job).map_err(|error| Stop::demo(error.to_string()))?;
        process.send(&job).await?;
        Ok(process)
    }

    async fn send(&mut self, line: &str) -> Done {
        let written = self.input.write_all(format!("{line}\n").as_bytes()).await;
        written.map_err(|error| Stop::system("one of the demo's processes is gone", &error))
    }

    async fn receive(&mut self) -> Done<Message> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        let line =
            line.map_err(|_| Stop::demo(format!("process {} has said nothing for 120 s", self.place)))?;
        let line = line.map_err(|error| Stop::system("one of the demo's processes is gone", &error))?;
        let line = line.ok_or_else(|| Stop::demo(format!("process {} ended early", self.place)))?;
        serde_json::from_str(&line).map_err(|error| Stop::demo(error.to_string()))
    }

    async fn until_ready(&mut self) -> Done {
        while !matches!(self.receive().await?, Message::Ready) {}
        Ok(())
    }

    async fn until_done(mut self, live: Live) -> Done<Outcome> {
        loop {
            match self.receive().await? {
                Message::Ready => {}
                Message::Event(event) => live.event(self.place, &event)?,
                Message::Result(outcome) => {
                    drop(self.input);
                    let _ = self.child.wait().await;
                    return Ok(outcome);
                }
            }
        }
    }
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.latencies_us.extend(other.latencies_us);
        self.failures.extend(other.failures);
        self.replays += other.replays;
        self.waiters += other.waiters;
    }
}
