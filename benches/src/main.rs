//! What rekindle costs: `cargo xtask bench` prints the table and writes `benches/results/`.
//!
//! Every speed is a ratio of two things that were measured in turns in one run; see `measure`.

mod alloc;
mod clock;
mod measure;
mod outage;
mod plot;
mod requests;
mod rest;
mod server;
mod table;
mod token;
mod versions;
mod waiters;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use rekindle::clock::{Clock, SystemClock};
use server::Server;
use table::{Aim, Row};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        [server::WORD] => server::serve(),
        ["alone", what, each] => alone(what, each),
        [] => whole(1),
        ["--quick"] => whole(4),
        ["only", part] => only(part),
        _ => Err(io::Error::other("words: --quick; only requests|token|waiters|rest|outage; alone WHAT N")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rekindle-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All of it; `haste` divides how often each is repeated.
fn whole(haste: usize) -> io::Result<()> {
    let mut rows = Vec::new();
    // Memory first, while little has happened in this process, and the crowds last, which leave the heap in pieces.
    rows.extend(at_rest());
    rows.splice(0..0, requests(haste)?);
    rows.extend(valid_token(haste));
    rows.extend(outage());
    rows.extend(waiting(haste));
    rows.extend(binary()?);
    let table = table::markdown(&rows, &versions::line());
    println!("\n{table}");
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    std::fs::create_dir_all(&results)?;
    std::fs::write(results.join("table.md"), table)?;
    std::fs::write(results.join("plot.svg"), plot::svg(&rows))
}

fn only(part: &str) -> io::Result<()> {
    let rows = match part {
        "requests" => requests(1)?,
        "token" => valid_token(1),
        "waiters" => waiting(1),
        "rest" => at_rest(),
        "outage" => outage(),
        _ => return Err(io::Error::other("no such part")),
    };
    println!("{}", table::markdown(&rows, ""));
    Ok(())
}

/// One side of a comparison, for a profiler.
fn alone(what: &str, each: &str) -> io::Result<()> {
    if what == "rest" {
        println!(
            "{} B",
            rest::measured(&(Arc::new(clock::StdClock(Instant::now())) as Arc<dyn Clock>), 100_000).bytes
        );
        return Ok(());
    }
    let each = each.parse().map_err(io::Error::other)?;
    if what.starts_with("token") {
        token::alone(what, each);
        return Ok(());
    }
    requests::alone(&Server::start()?, what, each);
    Ok(())
}

fn requests(haste: usize) -> io::Result<Vec<Row>> {
    let server = Server::start()?;
    let get = requests::small(&server, 60 / haste, 100);
    let query = requests::graphql(&server, 30 / haste, 4);
    let cost = |ns: (f64, f64)| format!("{:.0} µs of CPU each, bare {:.0} µs", ns.0 / 1e3, ns.1 / 1e3);
    Ok(vec![
        Row {
            what: "GET of 1 KB, 64 at once: requests/s to bare reqwest",
            measured: 1.0 / get.wall,
            unit: "×",
            aim: Aim::AtLeast(0.97),
            note: String::new(),
        },
        Row {
            what: "the same: CPU per request to bare reqwest",
            measured: get.cpu,
            unit: "×",
            aim: Aim::AtMost(1.05),
            note: cost(get.ns),
        },
        Row {
            what: "GraphQL answers of 100 KB: requests/s to reqwest + serde_json",
            measured: 1.0 / query.wall,
            unit: "×",
            aim: Aim::AtLeast(0.95),
            note: cost(query.ns),
        },
    ])
}

fn valid_token(haste: usize) -> Vec<Row> {
    let found = token::measured(40 / haste);
    let row = |what, measured, aim, note| Row { what, measured, unit: "×", aim: Aim::AtMost(aim), note };
    let cost = |ns: (f64, f64)| format!("{:.0} ns, floor {:.0} ns", ns.0, ns.1);
    vec![
        row(
            "valid token, token_if_valid(): to two clocks + one ArcSwap load",
            found.if_valid.cpu,
            1.3,
            cost(found.if_valid.ns),
        ),
        row("valid token, token().await: to the same", found.awaited.cpu, 1.3, cost(found.awaited.ns)),
        row(
            "valid token: two threads to one",
            found.two_threads.cpu,
            1.2,
            "CPU per token; nothing shared is written".to_owned(),
        ),
        Row {
            what: "valid token: allocations in 2,000 calls",
            measured: found.allocations as f64,
            unit: "",
            aim: Aim::Exactly(0.0),
            note: String::new(),
        },
    ]
}

fn waiting(haste: usize) -> Vec<Row> {
    let found = waiters::measured(12 / haste);
    let most = found.refreshes.iter().copied().max().unwrap_or_default();
    vec![
        Row {
            what: "100,000 waiters on one expired token: refreshes",
            measured: most as f64,
            unit: "",
            aim: Aim::Exactly(1.0),
            note: format!("the most of {} crowds", found.refreshes.len()),
        },
        Row {
            what: "waking them: CPU to a bare tokio watch",
            measured: found.waking.cpu,
            unit: "×",
            aim: Aim::AtMost(2.0),
            note: format!("{:.0} ns each, bare {:.0} ns", found.waking.ns.0, found.waking.ns.1),
        },
        Row {
            what: "memory of a waiter, its task included",
            measured: found.bytes as f64,
            unit: " B",
            aim: Aim::AtMost(1024.0),
            note: format!("on a bare watch {} B", found.bare_bytes),
        },
    ]
}

fn at_rest() -> Vec<Row> {
    let found = rest::measured(&(Arc::new(SystemClock) as Arc<dyn Clock>), 100_000);
    vec![
        Row {
            what: "memory of a session at rest, memory store included",
            measured: found.bytes as f64,
            unit: " B",
            aim: Aim::AtMost(2048.0),
            note: format!("one of 100,000 of one app; let go of, {} B", found.bytes_let_go),
        },
        Row {
            what: "a session by its key, `app.session(key)`",
            measured: found.micros_new.max(found.micros_known),
            unit: " µs",
            aim: Aim::AtMost(5.0),
            note: format!("new; known, {:.2} µs", found.micros_known),
        },
    ]
}

fn outage() -> Vec<Row> {
    let (one, many) = (outage::requests(1, 5), outage::requests(1_000, 5));
    vec![Row {
        what: "token endpoint fails for a minute: requests of 1,000 callers to those of one",
        measured: many / one,
        unit: "×",
        aim: Aim::AtMost(1.5),
        note: format!("{many:.1} and {one:.1}, with the jitter of the back-off; {} calls", 600 * 1_000),
    }]
}

/// The command, if it was built beside this program.
fn binary() -> io::Result<Option<Row>> {
    let program = std::env::current_exe()?;
    let profiles = program.ancestors().nth(2).map(|target| target.join("command/rekindle"));
    let Some(file) = profiles.and_then(|path| std::fs::metadata(path).ok()) else { return Ok(None) };
    Ok(Some(Row {
        what: "the command rekindle, as it is packaged",
        measured: file.len() as f64 / 1e6,
        unit: " MB",
        aim: Aim::AtMost(8.0),
        note: String::new(),
    }))
}
