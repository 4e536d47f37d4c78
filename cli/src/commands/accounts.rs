//! `rekindle accounts`: the profiles of a file, and how the session of each stands.

use rekindle::Status;
use rekindle::session::StatusStanding as Standing;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output;
use crate::time;

/// One profile, for programs.
#[derive(Serialize)]
struct Account {
    profile: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<String>,
    base_url: Option<String>,
    /// As `status` names it; none where the profile cannot be used.
    standing: Option<&'static str>,
    valid: bool,
    refreshable: bool,
    expires_at: Option<String>,
    /// Why the profile cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) async fn run(context: &Context) -> Done {
    let mut accounts = Vec::new();
    for name in context.profiles()? {
        let found = account(context, &name).await;
        accounts.push(found.or_else(|stop| broken(&name, stop))?);
    }
    if context.json {
        return output::json(&accounts);
    }
    let width = accounts.iter().map(|one| one.profile.len()).max().unwrap_or_default();
    accounts.iter().try_for_each(|one| output::line(&format!("{:width$}  {}", one.profile, one.text())))
}

async fn account(context: &Context, name: &str) -> Done<Account> {
    let (profile, session) = context.open_named(name)?;
    let status = session.fresh_status().await?;
    Ok(Account {
        profile: name.to_owned(),
        dialect: Some(session.dialect().name().to_owned()),
        base_url: profile.base_url().map(ToOwned::to_owned),
        standing: Some(status.standing.name()),
        valid: status.valid,
        refreshable: status.refreshable,
        expires_at: expires_at(&status),
        error: None,
    })
}

/// One that cannot be used hides none of the others.
fn broken(name: &str, stop: Stop) -> Done<Account> {
    let Some(error) = stop.message().map(ToOwned::to_owned) else { return Err(stop) };
    Ok(Account {
        profile: name.to_owned(),
        dialect: None,
        base_url: None,
        standing: None,
        valid: false,
        refreshable: false,
        expires_at: None,
        error: Some(error),
    })
}

fn expires_at(status: &Status) -> Option<String> {
    status.expires_at.filter(|_| status.standing == Standing::Active).map(time::rfc3339)
}

impl Account {
    fn text(&self) -> String {
        let stands = match (&self.error, self.standing) {
            (Some(error), _) => return format!("cannot be used: {error}"),
            (None, standing) => standing.unwrap_or_default().replace('_', " "),
        };
        let token = match (self.standing == Some(Standing::Active.name()), &self.expires_at) {
            (false, _) => String::new(),
            (true, Some(at)) if self.valid => format!(", access token until {at}"),
            (true, _) if self.valid => ", access token valid".to_owned(),
            (true, _) if self.refreshable => ", is refreshed at the next use".to_owned(),
            (true, _) => ", access token not valid any more".to_owned(),
        };
        let place = self.base_url.as_ref().map_or_else(String::new, |url| format!(", {url}"));
        format!("{stands}{token}{place}")
    }
}
