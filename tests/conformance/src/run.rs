//! Plays a case: operations in order, each lane beside the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::task::JoinHandle;

use crate::act::act;
use crate::case::{Act, Case, Expect, Operation};
use crate::check::{check, event_pattern};
use crate::matching::matches;
use crate::stage::Stage;
use crate::through::Through;
use crate::time::Driven;

/// A case that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long is waited for events that the case expects and that have not come yet.
const EVENTS: Duration = Duration::from_secs(30);

/// Plays a case.
///
/// # Errors
///
/// Everything that is not as the case says.
pub fn run(case: &Case) -> Result<(), Vec<String>> {
    run_driven(case, Driven::ByThread)
}

/// Plays a case with a core that is driven so.
///
/// # Errors
///
/// Everything that is not as the case says.
pub fn run_driven(case: &Case, driven: Driven) -> Result<(), Vec<String>> {
    run_so(case, driven, Through::Client)
}

/// Plays a case whose requests go through an adapter for other HTTP clients.
///
/// # Errors
///
/// Everything that is not as the case says.
pub fn run_through(case: &Case, through: Through) -> Result<(), Vec<String>> {
    run_so(case, Driven::ByThread, through)
}

fn run_so(case: &Case, driven: Driven, through: Through) -> Result<(), Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| vec![error.to_string()])?;
    let (stage, case) = Stage::set(case, driven, through).map_err(|why| vec![why])?;
    let played =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, driven_to_its_end(&stage, &case)).await });
    match played {
        Ok(Ok(())) => {}
        Ok(Err(why)) => stage.complain(why),
        Err(_) => stage.complain(format!("it hangs: {:?}", stage.server.bare().complaints())),
    }
    let complaints = stage.complaints();
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

async fn driven_to_its_end(stage: &Arc<Stage>, case: &Case) -> Result<(), String> {
    tokio::select! {
        played = play(stage, case) => played,
        () = stage.time.drive() => Ok(()),
    }
}

type Lanes = BTreeMap<String, JoinHandle<()>>;

async fn play(stage: &Arc<Stage>, case: &Case) -> Result<(), String> {
    if !case.lazy {
        stage.make("main", Map::new())?.map_err(|error| error.to_string())?;
    }
    let expect: Expect = match &case.expect {
        Value::Null => Expect::default(),
        expect => serde_json::from_value(expect.clone()).map_err(|error| format!("expect: {error}"))?,
    };
    let mut lanes = Lanes::new();
    for (at, operation) in case.operations.iter().enumerate() {
        let operation: Operation = serde_json::from_value(operation.clone())
            .map_err(|error| format!("operations[{at}]: {error}"))?;
        step(stage, &mut lanes, at, operation).await?;
    }
    for (_, lane) in lanes {
        let _ = lane.await;
    }
    late_events(stage, &expect).await;
    check(stage, &expect);
    Ok(())
}

async fn step(stage: &Arc<Stage>, lanes: &mut Lanes, at: usize, operation: Operation) -> Result<(), String> {
    match (&operation.act, &operation.lane) {
        (Act::Cancel { of }, _) => {
            let lane =
                lanes.remove(of).ok_or_else(|| format!("operations[{at}]: there is no lane `{of}`"))?;
            lane.abort();
            let _ = lane.await;
        }
        (Act::WaitFor(what), None) if what.of.is_some() => {
            let of = what.of.as_deref().unwrap_or_default();
            let lane =
                lanes.remove(of).ok_or_else(|| format!("operations[{at}]: there is no lane `{of}`"))?;
            let _ = lane.await;
        }
        (_, Some(name)) => {
            let before = lanes.remove(name);
            let (stage, lane, operation) = (stage.clone(), name.clone(), operation.clone());
            let work = async move {
                if let Some(before) = before {
                    let _ = before.await;
                }
                if let Err(why) = perform(&stage, at, &operation).await {
                    stage.complain(format!("lane {lane}: {why}"));
                }
            };
            lanes.insert(name.clone(), tokio::spawn(work));
        }
        (_, None) => perform(stage, at, &operation).await?,
    }
    Ok(())
}

/// Carries it out as often as it says, all at once, and compares what it gives.
async fn perform(stage: &Stage, at: usize, operation: &Operation) -> Result<(), String> {
    let once = || async {
        let result = act(stage, &operation.session, &operation.act).await?;
        as_expected(operation.expect.as_ref(), &result)
    };
    let all = futures_util::future::join_all((0..operation.times).map(|_| once())).await;
    let all: Result<(), String> = all.into_iter().collect();
    all.map_err(|why| format!("operations[{at}]: {why}"))
}

fn as_expected(expect: Option<&Value>, result: &Value) -> Result<(), String> {
    let expects_error = expect.is_some_and(|expect| expect.get("error").is_some());
    if let (Some(error), false) = (result.get("error"), expects_error) {
        return Err(format!("result.error: {error}, expected none"));
    }
    expect.map_or(Ok(()), |pattern| matches(pattern, result, "result"))
}

/// Events come on a thread of their own: those that were counted are waited for, and those that are expected
/// of a flight that nobody waits for.
async fn late_events(stage: &Stage, expect: &Expect) {
    let Some(wanted) = &expect.events else { return };
    let until = tokio::time::Instant::now() + EVENTS;
    let all_heard = || stage.names().iter().all(|name| has_heard(stage, name, wanted));
    while !all_heard() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn has_heard(stage: &Stage, name: &str, wanted: &[Value]) -> bool {
    let Ok(kept) = stage.session(name) else { return true };
    let happened: u64 =
        kept.session.stats().entries().iter().filter(|(name, _)| is_event(name)).map(|(_, n)| n).sum();
    let heard = stage.heard(&kept);
    let mut wanted = wanted.iter().filter(|event| event["session"].as_str().unwrap_or("main") == name);
    let fits = |event: &Value| heard.iter().any(|one| matches(&event_pattern(event), one, "").is_ok());
    heard.len() as u64 >= happened && wanted.all(fits)
}

/// The counters that count something else than events.
fn is_event(counter: &str) -> bool {
    !matches!(counter, "waiters" | "dropped")
}
