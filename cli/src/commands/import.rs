//! `rekindle import`: a sign-in, whose tokens come from standard input. A client that asks on its own behalf has none
//! to read: for it this ends a sign-out.

use std::io::IsTerminal;

use rekindle::{Credential, Session};
use zeroize::Zeroizing;

use super::{input, status};
use crate::context::Context;
use crate::credential;
use crate::exit::Done;
use crate::output;

const MOST: u64 = 1024 * 1024;

pub(crate) async fn run(context: &Context) -> Done {
    let (profile, session) = context.open()?;
    let credential = if profile.needs_no_sign_in() { Credential::default() } else { read(&session).await? };
    session.sign_in(credential).await?;
    if context.json {
        return status::show_json(&profile, &session);
    }
    output::line(&format!("signed in: profile {}, kept in {}", profile.name, profile.store.display()))
}

async fn read(session: &Session) -> Done<Credential> {
    if std::io::stdin().is_terminal() {
        output::warn(
            "rekindle: waiting for {\"access_token\": .., \"refresh_token\": .., \"expires_in\": ..}, then Ctrl-D",
        );
    }
    let json = Zeroizing::new(input::standard_input(MOST).await?);
    let now = session.clock().now().wall;
    credential::parse(&json, session.dialect(), now)
}
