//! `rekindle status`: how the session stands. Never a secret.

use rekindle::Wall;
use rekindle::session::StatusStanding as Standing;
use rekindle::{Session, Status};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{self, Done, Stop};
use crate::output;
use crate::profile::Profile;
use crate::time;

#[derive(Serialize)]
struct Shown {
    profile: String,
    config: String,
    dialect: String,
    rotation: String,
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    lineage: Option<String>,
    generation: Option<u64>,
    valid: bool,
    expires_at: Option<String>,
    expires_in_seconds: Option<u64>,
    refreshable: bool,
    last_refresh: Option<String>,
    backoff_ms: Option<u64>,
    failures: u32,
    lease: Option<Lease>,
    waiting: Option<Waits>,
    scope: Option<String>,
    store: String,
}

#[derive(Serialize)]
struct Lease {
    holder: String,
    remaining_ms: u64,
}

/// What is under way in this process waits for: after `refresh` and `import`, a store that does not answer.
#[derive(Serialize)]
struct Waits {
    what: &'static str,
    remaining_ms: Option<u64>,
}

/// `exit_code`: a script asks whether there is a token, and what it must wait for.
pub(crate) async fn run(context: &Context, exit_code: bool) -> Done {
    let (profile, session) = context.open()?;
    let status = session.fresh_status().await?;
    if context.json {
        show_json(&profile, &session)?
    } else {
        text(&profile, &session, &status)?
    }
    match code(&status) {
        code if exit_code && code != 0 => Err(Stop::Exit(code)),
        _ => Ok(()),
    }
}

fn code(status: &Status) -> i32 {
    match status.standing {
        _ if status.valid => 0,
        Standing::Active if !status.refreshable => exit::SIGN_IN,
        Standing::Active if status.backoff.is_some_and(|left| !left.is_zero()) => exit::LATER,
        Standing::Active => 0,
        _ => exit::SIGN_IN,
    }
}

/// The status as memory knows it.
pub(crate) fn show_json(profile: &Profile, session: &Session) -> Done {
    let status = session.status();
    let now = session.clock().now().wall;
    output::json(&Shown {
        profile: profile.name.clone(),
        config: profile.file.describe(),
        dialect: session.dialect().name().to_owned(),
        rotation: session.dialect().rotation().to_string(),
        standing: status.standing.name(),
        reason: reason(status.standing),
        generation: status.generation,
        valid: status.valid,
        expires_at: status.expires_at.map(time::rfc3339),
        expires_in_seconds: status.expires_at.map(|at| Wall::from(at).since(now).as_secs()),
        refreshable: status.refreshable,
        last_refresh: status.refreshed_at.map(time::rfc3339),
        backoff_ms: status.backoff.map(time::millis),
        failures: status.failures,
        lease: status.lease.map(|(holder, left)| Lease { holder, remaining_ms: time::millis(left) }),
        waiting: status
            .waiting
            .map(|(what, left)| Waits { what: what.name(), remaining_ms: left.map(time::millis) }),
        scope: status.scope,
        lineage: status.lineage,
        store: profile.store.display().to_string(),
    })
}

fn text(profile: &Profile, session: &Session, status: &Status) -> Done {
    let now = session.clock().now().wall;
    let dialect = session.dialect();
    let lines = [
        ("profile", profile.name.clone()),
        ("profile file", profile.file.describe()),
        ("dialect", format!("{}, rotation {}", dialect.name(), dialect.rotation())),
        ("session", standing(status)),
        ("access token", access_token(status, now)),
        ("refresh token", if status.refreshable { "yes" } else { "none" }.to_owned()),
        ("last refresh", status.refreshed_at.map_or_else(|| "none".to_owned(), |at| when(at.into(), now))),
        ("back-off", backoff(status)),
        ("lease", lease(status)),
        ("scope", status.scope.clone().unwrap_or_else(|| "not told".to_owned())),
        ("store", profile.store.display().to_string()),
    ];
    lines.iter().try_for_each(|(name, value)| output::line(&format!("{name:14}{value}")))
}

fn standing(status: &Status) -> String {
    match reason(status.standing) {
        Some(reason) => format!("a sign-in is needed ({reason}): rekindle import"),
        None if status.standing == Standing::SignedOut => "signed out: rekindle import".to_owned(),
        None => status.standing.name().to_owned(),
    }
}

fn access_token(status: &Status, now: Wall) -> String {
    let expiry = match status.expires_at.map(Wall::from) {
        Some(at) if at >= now => format!("expires {}", when(at, now)),
        Some(at) => format!("expired {}", when(at, now)),
        None => "expiry unknown".to_owned(),
    };
    match (status.generation, status.valid) {
        (None, _) => "none".to_owned(),
        (Some(generation), true) => format!("generation {generation}, {expiry}"),
        (Some(generation), false) => format!("generation {generation}, no longer valid, {expiry}"),
    }
}

fn backoff(status: &Status) -> String {
    match status.backoff {
        Some(left) => format!("{} left, after {} failures in a row", time::rough(left), status.failures),
        None if status.failures > 0 => format!("ended, after {} failures in a row", status.failures),
        None => "none".to_owned(),
    }
}

fn lease(status: &Status) -> String {
    match &status.lease {
        Some((holder, left)) if left.is_zero() => format!("left by {holder}, expired"),
        Some((holder, left)) => format!("held by {holder}, {} left", time::rough(*left)),
        None => "not held".to_owned(),
    }
}

fn when(at: Wall, now: Wall) -> String {
    format!("{} ({})", time::rfc3339(at), time::relative(at, now))
}

fn reason(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::LoginRequired(reason) => Some(reason.name()),
        _ => None,
    }
}
