//! Signing in: what a browser, another device or a grant brings.

use std::sync::Arc;

use rekindle::sign_in::{PendingSignIn, SignIn, SignInGrant, answer_callback, discover_with};
use rekindle::transport::Transport;
use rekindle::{Error, Host, Session};
use rekindle_bindings::transport::ForeignTransport;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::host::SessionHost;
use crate::outbox::SharedOutbox;
use crate::shown;

/// What stands for the user already.
#[derive(Deserialize)]
#[serde(tag = "grant_type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Grant {
    TokenExchange {
        subject_token: String,
        subject_token_type: String,
        #[serde(default)]
        audience: Option<String>,
        #[serde(default)]
        resource: Vec<String>,
        #[serde(default)]
        scope: Option<String>,
    },
    JwtBearer {
        assertion: String,
        #[serde(default)]
        scope: Option<String>,
    },
    Password {
        username: String,
        password: String,
        #[serde(default)]
        scope: Option<String>,
    },
}

pub(crate) async fn begin(session: Session, asked: SignIn) -> Result<Value, Error> {
    let begun = session.begin_sign_in(asked).await?;
    let state = begun.pending.state();
    Ok(json!({ "url": begun.url.as_str(), "state": state, "pending": begun.pending.to_json().expose() }))
}

pub(crate) async fn finish(session: Session, pending: String, callback: String) -> Result<Value, Error> {
    let pending = PendingSignIn::from_json(&pending)?;
    session.finish_sign_in(&pending, &callback).await?;
    Ok(json!({ "return_to": pending.return_to() }))
}

/// Where a browser of this machine comes back to.
pub(crate) fn loopback(session: &Session, asked: &SignIn) -> Result<Value, Error> {
    let options = session.loopback_options(asked)?;
    let timeout = u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX);
    Ok(json!({ "host": options.host, "port": options.port, "path": options.path, "timeout_ms": timeout }))
}

/// What that browser is answered.
pub(crate) fn received(pending: &str, redirect_uri: &str, head: &str) -> Result<Value, Error> {
    let pending = PendingSignIn::from_json(pending)?;
    let (response, callback) = answer_callback(&pending, redirect_uri, head);
    Ok(json!({ "response": response, "callback": callback }))
}

/// The effect `device` says what the user is shown.
pub(crate) async fn with_device(
    session: Session,
    call: u64,
    asked: SignIn,
    outbox: SharedOutbox,
) -> Result<Value, Error> {
    let show = |device: &rekindle::sign_in::DeviceAuthorization| {
        outbox.say(json!({
            "effect": "device",
            "call": call,
            "user_code": device.user_code,
            "verification_uri": device.verification_uri,
            "verification_uri_complete": device.verification_uri_complete,
        }));
        Ok(())
    };
    session.sign_in_with_device(asked, show).await?;
    Ok(Value::Null)
}

pub(crate) async fn by_grant(session: Session, grant: Grant) -> Result<Value, Error> {
    let grant = match grant {
        Grant::TokenExchange { subject_token, subject_token_type, audience, resource, scope } => {
            let subject_token = subject_token.into();
            SignInGrant::TokenExchange { subject_token, subject_token_type, audience, resource, scope }
        }
        Grant::JwtBearer { assertion, scope } => {
            SignInGrant::JwtBearer { assertion: assertion.into(), scope }
        }
        Grant::Password { username, password, scope } => {
            SignInGrant::Password { username, password: password.into(), scope }
        }
    };
    session.sign_in_by_grant(grant).await?;
    Ok(Value::Null)
}

/// `number` is in the effects `send` that it takes.
pub(crate) async fn discovered(
    issuer: String,
    number: u32,
    host: Host,
    outbox: SharedOutbox,
) -> Result<Value, Error> {
    let transport: Arc<dyn Transport> = Arc::new(ForeignTransport(SessionHost { session: number, outbox }));
    let found = discover_with(&issuer, &transport, host.clock().as_ref()).await?;
    Ok(shown::plain(found))
}
