//! `rekindle demo`: real servers on loopback, real processes, one refresh.

mod live;
mod plan;
mod play;
mod processes;
mod scene;
mod table;
pub(crate) mod worker;

use crate::args::DemoArgs;
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output;
use live::Live;
use plan::Plan;
use scene::{SCENES, Scene};
use table::Row;

pub(crate) async fn run(context: &Context, args: &DemoArgs) -> Done {
    raise_file_limit();
    let plan = Plan::new(args);
    let live = Live::new(!context.json);
    live.opening(&plan)?;
    let mut rows = Vec::new();
    for scene in &SCENES {
        live.scene(scene)?;
        rows.push(play::play(scene, &plan, &live).await?);
    }
    if context.json {
        output::json(&rows)?
    } else {
        table::print(&rows)?
    }
    judge(&rows)
}

/// The table is shown either way; the exit code says whether it is as it must be.
fn judge(rows: &[Row]) -> Done {
    let wrong: Vec<String> = rows.iter().zip(&SCENES).filter_map(|(row, scene)| wrong(row, scene)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Stop::demo(wrong.join("; "))) }
}

fn wrong(row: &Row, scene: &Scene) -> Option<String> {
    let expected = scene.refreshes();
    let fine = row.succeeded == row.requests && row.refreshes == expected && row.reuse_detected == 0;
    let what = || {
        format!(
            "{} {}: {} of {} requests answered, {} refreshes where {expected} were due, reuse detected {} times",
            row.dialect, row.scenario, row.succeeded, row.requests, row.refreshes, row.reuse_detected
        )
    };
    (!fine).then(what)
}

/// A thousand requests at once are a thousand sockets, on both sides.
#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it may not be raised, fewer connections have to do.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
fn raise_file_limit() {}
