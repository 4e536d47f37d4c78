//! The command `rekindle`: API sessions that stay alive, from a shell.

mod args;
mod commands;
mod config_file;
mod context;
mod credential;
mod curl;
mod demo;
mod exit;
mod output;
mod profile;
mod report;
mod samples;
mod signals;
mod time;
mod trust;

use std::sync::OnceLock;

use clap::error::ErrorKind;

use args::Args;
use context::Context;
use exit::{Done, Stop};
use signals::Guard;

fn main() {
    // Not a return: a thread that reads standard input must not hold up the end.
    std::process::exit(run());
}

fn run() -> i32 {
    let args = match Args::of_process() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let (json, profile) = (args.json, args.profile.clone());
    let done = begin(args);
    report::report(done, json, profile.as_deref(), USED.get())
}

/// Which profile file this process uses.
static USED: OnceLock<String> = OnceLock::new();

fn begin(args: Args) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::system("cannot start the async runtime", &error))?;
    let guard = Guard::listen().map_err(|error| Stop::system("cannot install signal handlers", &error))?;
    let context = Context::new(&args, guard.clone(), &USED);
    let done = runtime.block_on(guard.until_signal(commands::run(args.command, &context)));
    let Some(done) = done else { guard.leave_to_signal() };
    // A refresh that was started, and a credential that is not saved yet, outlive the command (spec 4.10).
    let settled = runtime.block_on(guard.settle());
    runtime.shutdown_background();
    done.and(settled)
}

/// Help and version are no mistakes.
fn usage(error: &clap::Error) -> i32 {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !asked && args::wants_json(std::env::args_os()) {
        let text = error.to_string();
        // What is missing is on the lines below the first.
        let said =
            text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
        return report::report(Err(Stop::usage(said.trim_start_matches("error: "))), true, None, None);
    }
    // Standard output may be closed: nobody reads it.
    let _ = error.print();
    if asked { 0 } else { exit::USAGE }
}
