//! `rekindle sign-out`: ends the session, and at the server, too, where that is asked for.

use rekindle::session::Revocation;

use super::status;
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output;

pub(crate) async fn run(context: &Context, revoke: bool) -> Done {
    let (profile, session) = context.open()?;
    let revoked = match revoke {
        true => Some(session.sign_out_and_revoke().await?),
        false => session.sign_out().await.map(|()| None)?,
    };
    if context.json {
        status::show_json(&profile, &session)?;
    } else {
        let also = if revoked == Some(Revocation::Done) { ", and its tokens were revoked" } else { "" };
        output::line(&format!("signed out: profile {}{also}", profile.name))?;
    }
    match revoked {
        None | Some(Revocation::Done) => Ok(()),
        Some(Revocation::NotOffered) => Err(Stop::not_revoked(
            "the session was ended locally, but nothing was revoked: the dialect names no revocation endpoint ([revoke] \
             with its url), or there was no token; end the session at the service itself",
        )),
        Some(_) => Err(Stop::not_revoked(
            "the session was ended locally, but the server did not revoke its tokens; end the session at the service \
             itself, or wait until they expire",
        )),
    }
}
