//! `rekindle token`: the one command that prints a secret.

use std::time::Duration;

use rekindle::{Session, Token};
use serde::Serialize;
use zeroize::Zeroizing;

use super::input;
use crate::args::TokenArgs;
use crate::context::Context;
use crate::exit::Done;
use crate::output;
use crate::time;

/// No token is longer.
const MOST: u64 = 64 * 1024;

#[derive(Serialize)]
struct Shown<'a> {
    access_token: &'a str,
    expires_at: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &TokenArgs) -> Done {
    let (_, session) = context.open()?;
    let token = match &args.rejected {
        Some(which) => replaced(&session, which == "-", args.min_life).await?,
        None => living(&session, args.min_life).await?,
    };
    if context.json {
        let expires_at = token.expires_at().map(time::rfc3339);
        return output::json(&Shown { access_token: token.value(), expires_at });
    }
    output::line(token.value())
}

/// A token that lives so many seconds, if the server's do.
pub(super) async fn living(session: &Session, min_life: Option<u64>) -> Done<Token> {
    Ok(match min_life {
        Some(seconds) => session.token_living(Duration::from_secs(seconds)).await?,
        None => session.token().await?,
    })
}

/// Takes the server's word that a token is over. `named`: it is read; one that was replaced meanwhile is no news.
async fn replaced(session: &Session, named: bool, min_life: Option<u64>) -> Done<Token> {
    let rejected = match named {
        true => Some(Zeroizing::new(input::standard_input(MOST).await?)),
        false => None,
    };
    let stored = session.fresh_status().await?.generation;
    let current = living(session, min_life).await?;
    let is_rejected = match rejected {
        Some(rejected) => rejected.trim_ascii() == current.value().as_bytes(),
        // One that was just made was turned away by nobody.
        None => Some(current.generation()) == stored,
    };
    if !is_rejected {
        return Ok(current);
    }
    session.invalidate();
    living(session, min_life).await
}
