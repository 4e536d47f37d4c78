//! `rekindle refresh`: a new token now.

use super::status;
use crate::context::Context;
use crate::exit::Done;
use crate::output;
use crate::time;

pub(crate) async fn run(context: &Context, force: bool) -> Done {
    let (profile, session) = context.open()?;
    let token = if force { session.force_refresh().await? } else { session.refresh().await? };
    if context.json {
        return status::show_json(&profile, &session);
    }
    let end = token.expires_at().map_or_else(String::new, |at| format!(", expires {}", time::rfc3339(at)));
    output::line(&format!("refreshed: profile {}{end}", profile.name))
}
