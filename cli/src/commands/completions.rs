//! `rekindle completions`: what a shell needs to complete the command line.

use clap_complete::Shell;

use crate::args;
use crate::exit::Done;
use crate::output::Sink;

pub(crate) fn run(shell: Shell) -> Done {
    // Into memory first: the generator panics where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "rekindle", &mut script);
    let mut sink = Sink::Standard;
    sink.write(&script)?;
    sink.finish()
}
