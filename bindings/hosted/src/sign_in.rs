//! Signing in: what a browser, another device or a grant brings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rekindle::sign_in::{
    ApiRequest, ClientRegistration, PendingSignIn, SignIn, SignInGrant, answer_callback,
    discover_resource_with, discover_with, find_api_with, register_with,
};
use rekindle::transport::Transport;
use rekindle::{Credential, Error, ErrorKind, Failure, Host, Session};
use rekindle_bindings::transport::ForeignTransport;
use rekindle_bindings::{ApiDetails, ClientDetails, StoreSettings};
use rekindle_proto::sign_in::SUBJECT;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::host::SessionHost;
use crate::outbox::{SharedOutbox, lock};
use crate::{settings, shown};

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

/// What a server is told about the host's program.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// What users are asked to let in.
    name: String,
    /// Left out: loopback, on any port.
    #[serde(default)]
    redirect_uri: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    /// It signs in on another device, too.
    #[serde(default)]
    device: bool,
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

/// What sign-ins brought whose session is not known yet. It stays here: the host learns whose it is.
#[derive(Default)]
pub(crate) struct Redeemed(Mutex<BTreeMap<u64, Credential>>);

impl Redeemed {
    pub(crate) async fn redeem(
        self: Arc<Self>,
        call: u64,
        on: Session,
        pending: String,
        callback: String,
        key: Option<String>,
    ) -> Result<Value, Error> {
        let pending = PendingSignIn::from_json(&pending)?;
        if key.is_none() && pending.nonce().is_none() {
            let what = " is missing: give a key, or ask for the scope `openid`, which says who signed in";
            return Err(Failure::config("key", what).into());
        }
        let credential = on.redeem(&pending, &callback).await?;
        let key = key.or_else(|| credential.extra.get(SUBJECT).cloned()).ok_or_else(|| {
            let message = "the server does not say who signed in (no ID token): give a key";
            Error::new(ErrorKind::InvalidResponse, message)
        })?;
        lock(&self.0).insert(call, credential);
        Ok(json!({ "redeemed": call, "key": key, "return_to": pending.return_to() }))
    }

    pub(crate) async fn take(&self, redeemed: u64, to: Session) -> Result<Value, Error> {
        let credential = lock(&self.0).remove(&redeemed);
        let credential = credential
            .ok_or_else(|| Error::new(ErrorKind::Misuse, "that call redeemed nothing, or it was taken"))?;
        to.sign_in(credential).await?;
        Ok(Value::Null)
    }
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
    let found = discover_with(&issuer, &transport(number, outbox), host.clock().as_ref()).await?;
    Ok(shown::plain(found))
}

/// What an API says of itself, with the issuer of the server that signs users in for it.
pub(crate) async fn discovered_resource(
    resource: String,
    number: u32,
    host: Host,
    outbox: SharedOutbox,
) -> Result<Value, Error> {
    let found = discover_resource_with(&resource, &transport(number, outbox), host.clock().as_ref()).await?;
    let issuer = found.issuer()?.to_owned();
    let mut shown = shown::plain(found);
    shown["issuer"] = issuer.into();
    Ok(shown)
}

/// The host's program as a client of that server: what it got are settings.
pub(crate) async fn registered(
    server: Value,
    client: Registration,
    number: u32,
    host: Host,
    outbox: SharedOutbox,
) -> Result<Value, Error> {
    let server = serde_json::from_value(server)
        .map_err(|_| Failure::config("server", " is not a result of discovery: run discovery again"))?;
    let redirect_uri = client.redirect_uri.unwrap_or_else(|| ClientRegistration::LOOPBACK.to_owned());
    let mut asked = ClientRegistration::new(client.name, redirect_uri);
    asked.scope = client.scope;
    if client.device {
        asked = asked.device_flow();
    }
    let got = register_with(&server, &asked, &transport(number, outbox), host.clock().as_ref()).await?;
    Ok(shown::plain(ClientDetails::try_from(&got)?))
}

/// The settings of a session for an API, and of its sign-ins. The store is the host's, or in files.
pub(crate) async fn found_api(
    asked: ApiRequest,
    store: Option<Box<StoreSettings>>,
    number: u32,
    host: Host,
    outbox: SharedOutbox,
) -> Result<Value, Error> {
    let session = SessionHost { session: number, outbox: outbox.clone() };
    let store = store.map(|store| settings::store(*store, session)).transpose()?;
    let road = transport(number, outbox);
    let found = find_api_with(&asked, store.as_deref(), &road, host.clock().as_ref()).await?;
    Ok(shown::plain(ApiDetails::from(found)))
}

fn transport(number: u32, outbox: SharedOutbox) -> Arc<dyn Transport> {
    Arc::new(ForeignTransport(SessionHost { session: number, outbox }))
}
