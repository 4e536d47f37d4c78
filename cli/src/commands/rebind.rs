//! `rekindle rebind`: the stored tokens go on under what the profile says now.

use serde_json::json;

use crate::context::Context;
use crate::exit::Done;
use crate::output;

pub(crate) async fn run(context: &Context) -> Done {
    let (profile, session) = context.open()?;
    let moved = session.rebind().await?;
    if context.json {
        return output::json(&json!({ "profile": profile.name, "rebound": moved }));
    }
    let how = if moved { "moved to this profile" } else { "nothing to move" };
    output::line(&format!("{how}: profile {}, {}", profile.name, profile.store.display()))
}
