//! `rekindle token`: the one command that prints a secret.

use serde::Serialize;

use crate::context::Context;
use crate::exit::Done;
use crate::output;
use crate::time;

#[derive(Serialize)]
struct Shown<'a> {
    access_token: &'a str,
    expires_at: Option<String>,
}

pub(crate) async fn run(context: &Context) -> Done {
    let (_, session) = context.open()?;
    let token = session.token().await?;
    if context.json {
        let expires_at = token.expires_at().map(time::rfc3339);
        return output::json(&Shown { access_token: token.value(), expires_at });
    }
    output::line(token.value())
}
