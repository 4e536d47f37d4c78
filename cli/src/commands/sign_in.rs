//! `rekindle sign-in`: a browser is sent to the server, and what it brings back becomes the profile's credential.

use rekindle::ErrorKind;
use rekindle::Session;
use rekindle::sign_in::{DeviceAuthorization, LoopbackOptions, LoopbackReceiver, SignIn, open_browser};
use url::Url;

use super::{input, new_profile, status};
use crate::args::SignInArgs;
use crate::context::Context;
use crate::exit::Done;
use crate::output;

/// A longer address is none that a browser comes back with.
const MOST: u64 = 16 * 1024;

pub(crate) async fn run(context: &Context, args: &SignInArgs) -> Done {
    let (profile, session) = match new_profile::wanted(args) {
        false => context.open()?,
        true => context.open_named(&new_profile::make(context, args).await?)?,
    };
    let mut asked = profile.sign_in();
    asked.scope = args.scope.clone().or(asked.scope);
    asked.redirect_uri = args.redirect_uri.clone().or(asked.redirect_uri);
    if args.device {
        session.sign_in_with_device(asked, show_device).await?;
    } else if args.no_browser {
        by_hand(&session, asked).await?;
    } else {
        session.sign_in_with_browser(asked, show).await?;
    }
    if context.json {
        return status::show_json(&profile, &session);
    }
    output::line(&format!("signed in: profile {}, kept in {}", profile.name, profile.store.display()))
}

fn show_device(device: &DeviceAuthorization) -> Result<(), rekindle::Error> {
    output::warn("rekindle: on any device, open this address and enter this code:");
    output::warn(&device.verification_uri);
    output::warn(&device.user_code);
    if let Some(whole) = &device.verification_uri_complete {
        output::warn(&format!("rekindle: or open {whole} at once"));
    }
    Ok(())
}

/// The address is printed, too: who sees no browser open can copy it.
fn show(url: &Url) -> Result<(), rekindle::Error> {
    output::warn(
        "rekindle: sign in in the browser; if none opens, open this address in one on this machine:",
    );
    output::warn(url.as_str());
    match open_browser(url) {
        // Somebody may still open it.
        Err(error) if error.kind() == ErrorKind::System => Ok(()),
        done => done,
    }
}

/// Where no browser of this machine may come back: what its address bar shows at the end is pasted. One of this machine
/// does come back.
async fn by_hand(session: &Session, asked: SignIn) -> Done {
    // Another redirect URI than loopback is the application's own business.
    let is_elsewhere = asked.redirect_uri.as_ref().is_some_and(|uri| !uri.starts_with("http:"));
    let receiver = match is_elsewhere {
        true => None,
        false => Some(LoopbackReceiver::bind(&session.loopback_options(&asked)?)?),
    };
    let asked = match &receiver {
        Some(receiver) => asked.redirect_uri(receiver.redirect_uri()),
        None => asked,
    };
    let begun = session.begin_sign_in(asked).await?;
    output::warn("rekindle: open this address in a browser, and sign in:");
    output::warn(begun.url.as_str());
    output::warn(
        "rekindle: if that browser is on another machine, it ends at an address that it cannot reach: paste that here",
    );
    let callback = match receiver {
        None => input::line(MOST).await?,
        Some(receiver) => {
            let clock = session.clock();
            let most = LoopbackOptions::default().timeout;
            tokio::select! {
                callback = receiver.receive(&begun.pending, clock.as_ref(), most) => callback?,
                callback = pasted() => callback?,
            }
        }
    };
    Ok(session.finish_sign_in(&begun.pending, callback.trim()).await?)
}

/// Never, where nothing is typed.
async fn pasted() -> Done<String> {
    match input::line(MOST).await {
        Ok(line) if line.trim().is_empty() => std::future::pending().await,
        done => done,
    }
}
