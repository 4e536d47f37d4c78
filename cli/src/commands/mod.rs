//! The commands, one file each.

mod accounts;
mod completions;
mod data;
mod dialect;
mod exec;
mod graphql;
mod import;
mod input;
mod new_profile;
mod presets;
mod progress;
mod rebind;
mod refresh;
mod request;
mod resume;
mod sign_in;
mod sign_out;
mod status;
mod token;
mod trust;
mod verbose;
mod write_out;

use crate::args::Command;
use crate::context::Context;
use crate::curl;
use crate::demo;
use crate::exit::Done;

pub(crate) async fn run(command: Command, context: &Context) -> Done {
    match command {
        Command::Import => import::run(context).await,
        Command::SignIn(args) => sign_in::run(context, &args).await,
        Command::Request(args) => request::run(context, &args).await,
        Command::Graphql(args) => graphql::run(context, &args).await,
        Command::Curl { args } => curl::run(context, &args).await,
        Command::Exec(args) => exec::run(context, args).await,
        Command::Token(args) => token::run(context, &args).await,
        Command::Refresh { force } => refresh::run(context, force).await,
        Command::Status { exit_code } => status::run(context, exit_code).await,
        Command::Accounts => accounts::run(context).await,
        Command::SignOut { revoke } => sign_out::run(context, revoke).await,
        Command::Rebind => rebind::run(context).await,
        Command::Trust(args) => trust::run(context, &args),
        Command::Dialect { command } => dialect::run(context, &command),
        Command::Presets { name } => presets::run(context, name.as_deref()),
        Command::Completions { shell } => completions::run(shell),
        Command::Demo(args) => demo::run(context, &args).await,
        Command::DemoWorker => demo::worker::run().await,
    }
}
