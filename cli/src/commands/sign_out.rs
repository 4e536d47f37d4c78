//! `rekindle sign-out`: ends the session.

use super::status;
use crate::context::Context;
use crate::exit::Done;
use crate::output;

pub(crate) async fn run(context: &Context) -> Done {
    let (profile, session) = context.open()?;
    session.sign_out().await?;
    if context.json {
        return status::show_json(&profile, &session);
    }
    output::line(&format!("signed out: profile {}", profile.name))
}
