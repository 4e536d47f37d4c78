//! `rekindle exec`: a command that finds a token in its environment, where only its own user can look.

use std::process::Command;

use super::token;
use crate::args::ExecArgs;
use crate::context::Context;
use crate::exit::{Done, Stop};

pub(crate) async fn run(context: &Context, args: ExecArgs) -> Done {
    let (_, session) = context.open()?;
    let token = token::living(&session, args.min_life).await?;
    let [program, rest @ ..] = args.command.as_slice() else {
        return Err(Stop::usage("give a command: rekindle exec -- CMD"));
    };
    if args.env.is_empty() || args.env.contains(['=', '\0']) {
        return Err(Stop::usage("--env: not a valid variable name"));
    }
    let mut command = Command::new(program);
    command.args(rest).env(&args.env, token.value());
    // Nothing of ours is under way when the command takes this process over.
    context.settle().await?;
    become_it(command, &program.to_string_lossy())
}

#[cfg(unix)]
fn become_it(mut command: Command, program: &str) -> Done {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(Stop::usage(format!("{program} cannot be run ({error})")))
}

#[cfg(not(unix))]
fn become_it(mut command: Command, program: &str) -> Done {
    let status =
        command.status().map_err(|error| Stop::usage(format!("{program} cannot be run ({error})")))?;
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Stop::Exit(code.unwrap_or(1))),
    }
}
