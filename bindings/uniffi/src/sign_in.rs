//! Signing in (spec 12).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rekindle::sign_in::{DeviceAuthorization, PendingSignIn, SignIn, SignInGrant};
use rekindle::{Error, ErrorKind, Revocation};

use crate::app::App;
use crate::cancel::{CancelToken, unless};
use crate::error::RekindleError;
use crate::event::ListenerFailure;
use crate::runtime::run;
use crate::session::Session;

/// What a sign-in asks for.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct SignInRequest {
    /// Where the browser comes back to, as the client is registered.
    #[uniffi(default = None)]
    pub redirect_uri: Option<String>,
    /// `scope`: names with spaces between them. Without it, the dialect's.
    #[uniffi(default = None)]
    pub scope: Option<String>,
    /// `resource`: the URLs of what the tokens are for (RFC 8707).
    #[uniffi(default = [])]
    pub resource: Vec<String>,
    /// `audience`, where the server knows it.
    #[uniffi(default = None)]
    pub audience: Option<String>,
    /// `prompt`: `login`, `consent`, `select_account`, `none`.
    #[uniffi(default = None)]
    pub prompt: Option<String>,
    /// Who is likely to sign in.
    #[uniffi(default = None)]
    pub login_hint: Option<String>,
    /// `acr_values` (RFC 9470).
    #[uniffi(default = None)]
    pub acr_values: Option<String>,
    /// `max_age`, in seconds.
    #[uniffi(default = None)]
    pub max_age: Option<u64>,
    /// `claims`, as JSON.
    #[uniffi(default = None)]
    pub claims: Option<String>,
    /// Where the application's own user goes afterwards: a path of its own.
    #[uniffi(default = None)]
    pub return_to: Option<String>,
    /// Further parameters, as the server wants them.
    #[uniffi(default)]
    pub parameters: HashMap<String, String>,
}

/// A sign-in that has begun.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct BegunSignIn {
    /// Where the browser goes.
    pub url: String,
    /// What must be known when it comes back, as text. A secret: it holds the PKCE verifier.
    pub pending: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
}

/// Where the user goes on another device, and what is typed in there (RFC 8628).
#[derive(Clone, Debug, uniffi::Record)]
pub struct DeviceCode {
    /// Where to go.
    pub verification_uri: String,
    /// What to type in.
    pub user_code: String,
    /// The address with the code in it, for a QR code or a link.
    pub verification_uri_complete: Option<String>,
}

/// Shows the user where to sign in.
#[uniffi::export(foreign)]
pub trait SignInDisplay: Send + Sync {
    /// Opens a browser, or shows the address. It must not block.
    ///
    /// # Errors
    ///
    /// It could not: the sign-in ends.
    fn show_address(&self, url: String) -> Result<(), ListenerFailure>;
    /// Shows a device code. It must not block.
    ///
    /// # Errors
    ///
    /// It could not: the sign-in ends.
    fn show_device_code(&self, code: DeviceCode) -> Result<(), ListenerFailure>;
}

/// What stands for the user already.
#[derive(Clone, uniffi::Enum)]
#[uniffi::export(Debug)]
pub enum Proof {
    /// Another token, of this or another server (RFC 8693).
    Token {
        /// The token.
        subject_token: String,
        /// `urn:ietf:params:oauth:token-type:access_token` and the like.
        subject_token_type: String,
        /// `audience`.
        audience: Option<String>,
        /// `resource`.
        resource: Vec<String>,
        /// `scope`.
        scope: Option<String>,
    },
    /// An assertion that somebody signed who is trusted there (RFC 7523).
    Assertion {
        /// The signed JWT.
        assertion: String,
        /// `scope`.
        scope: Option<String>,
    },
    /// A name and a password, where the dialect has a section `[password]`.
    Password {
        /// Who it is.
        username: String,
        /// The password.
        password: String,
        /// `scope`.
        scope: Option<String>,
    },
}

#[uniffi::export]
impl Session {
    /// Begins a sign-in with an authorization code and PKCE.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming what is wrong; where the request is pushed, as `finish_sign_in`.
    #[uniffi::method(default(cancel = None))]
    pub async fn begin_sign_in(
        &self,
        request: SignInRequest,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<BegunSignIn, RekindleError> {
        let session = self.inner().clone();
        let work = async move { Ok(session.begin_sign_in(request.into()).await?.into()) };
        unless(cancel, run(work)).await
    }

    /// Ends a sign-in with the address that the browser came back with. The code is spent once. A cancelled caller
    /// changes nothing: what was asked for is received and saved.
    ///
    /// # Errors
    ///
    /// InvalidResponse: the callback is not this sign-in's. Misuse: it was finished before. LoginRequired: begin anew.
    /// ClientRejected, InvalidConfig, Connection, StoreUnavailable; Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn finish_sign_in(
        &self,
        pending: String,
        callback: String,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<(), RekindleError> {
        let pending = PendingSignIn::from_json(&pending).map_err(Error::from)?;
        let session = self.inner().clone();
        let work = async move { Ok(session.finish_sign_in(&pending, &callback).await?) };
        unless(cancel, run(work)).await
    }

    /// Signs in with a browser on this machine: a receiver on loopback waits for it. Without a display, the system's
    /// browser is opened.
    ///
    /// # Errors
    ///
    /// Timeout: nobody came back. Else as `finish_sign_in`.
    #[uniffi::method(default(display = None, cancel = None))]
    pub async fn sign_in_with_browser(
        &self,
        request: SignInRequest,
        display: Option<Arc<dyn SignInDisplay>>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<(), RekindleError> {
        let session = self.inner().clone();
        let work = async move {
            let open = |url: &url::Url| match &display {
                Some(display) => shown(display.show_address(url.to_string())),
                None => rekindle::sign_in::open_browser(url),
            };
            Ok(session.sign_in_with_browser(request.into(), open).await?)
        };
        unless(cancel, run(work)).await
    }

    /// Signs in on another device, for machines without a browser.
    ///
    /// # Errors
    ///
    /// LoginRequired: the user said no, or took too long. InvalidConfig, ClientRejected, Connection, StoreUnavailable;
    /// Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn sign_in_with_device(
        &self,
        request: SignInRequest,
        display: Arc<dyn SignInDisplay>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<(), RekindleError> {
        let session = self.inner().clone();
        let work = async move {
            let show = |code: &DeviceAuthorization| shown(display.show_device_code(code.into()));
            Ok(session.sign_in_with_device(request.into(), show).await?)
        };
        unless(cancel, run(work)).await
    }

    /// Signs in with what stands for the user already.
    ///
    /// # Errors
    ///
    /// LoginRequired: the server does not take it. InvalidConfig, ClientRejected, Connection, StoreUnavailable; Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn sign_in_with(
        &self,
        proof: Proof,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<(), RekindleError> {
        let session = self.inner().clone();
        let work = async move { Ok(session.sign_in_by_grant(proof.into()).await?) };
        unless(cancel, run(work)).await
    }

    /// Signs out, and asks the server to revoke the tokens (RFC 7009): whether it did, or nothing where it can't be asked.
    ///
    /// # Errors
    ///
    /// StoreUnavailable if the store could not be wiped; Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn sign_out_and_revoke(
        &self,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<Option<bool>, RekindleError> {
        let session = self.inner().clone();
        let work = async move {
            Ok(match session.sign_out_and_revoke().await? {
                Revocation::Done => Some(true),
                Revocation::Failed => Some(false),
                _ => None,
            })
        };
        unless(cancel, run(work)).await
    }
}

#[uniffi::export]
impl App {
    /// As a session's, for a user who is not known yet.
    ///
    /// # Errors
    ///
    /// As a session's `begin_sign_in`.
    #[uniffi::method(default(cancel = None))]
    pub async fn begin_sign_in(
        &self,
        request: SignInRequest,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<BegunSignIn, RekindleError> {
        let app = self.inner().clone();
        unless(cancel, run(async move { Ok(app.begin_sign_in(request.into()).await?.into()) })).await
    }

    /// As a session's; the key of the one who signed in: the given one, else their `sub`.
    ///
    /// # Errors
    ///
    /// As a session's `finish_sign_in`; InvalidConfig where nothing says who it is.
    #[uniffi::method(default(cancel = None))]
    pub async fn finish_sign_in(
        &self,
        pending: String,
        callback: String,
        key: Option<String>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<String, RekindleError> {
        let pending = PendingSignIn::from_json(&pending).map_err(Error::from)?;
        let app = self.inner().clone();
        let work = async move {
            let session = app.finish_sign_in(&pending, &callback, key.as_deref()).await?;
            Ok(session.key().to_owned())
        };
        unless(cancel, run(work)).await
    }

    /// The keys of all who are signed in, in order.
    ///
    /// # Errors
    ///
    /// InvalidConfig: the store cannot tell its keys. StoreUnavailable; Cancelled.
    #[uniffi::method(default(cancel = None))]
    pub async fn accounts(&self, cancel: Option<Arc<CancelToken>>) -> Result<Vec<String>, RekindleError> {
        let app = self.inner().clone();
        unless(cancel, run(async move { Ok(app.accounts().await?) })).await
    }
}

/// The listener's own words could hold the address, which is of use for one browser alone.
fn shown(result: Result<(), ListenerFailure>) -> Result<(), Error> {
    result.map_err(|_| {
        Error::new(ErrorKind::Misuse, "the function that shows where to sign in threw: see its own log")
    })
}

impl From<SignInRequest> for SignIn {
    fn from(given: SignInRequest) -> Self {
        let mut asked = Self::new();
        (asked.redirect_uri, asked.scope) = (given.redirect_uri, given.scope);
        (asked.resource, asked.audience) = (given.resource, given.audience);
        (asked.prompt, asked.login_hint) = (given.prompt, given.login_hint);
        (asked.acr_values, asked.max_age) = (given.acr_values, given.max_age);
        (asked.claims, asked.return_to) = (given.claims, given.return_to);
        asked.parameters = given.parameters.into_iter().collect();
        asked
    }
}

impl From<rekindle::sign_in::BegunSignIn> for BegunSignIn {
    fn from(begun: rekindle::sign_in::BegunSignIn) -> Self {
        Self {
            url: String::from(begun.url),
            redirect_uri: begun.pending.redirect_uri().to_owned(),
            pending: begun.pending.to_json().expose().to_owned(),
        }
    }
}

impl From<&DeviceAuthorization> for DeviceCode {
    fn from(given: &DeviceAuthorization) -> Self {
        Self {
            verification_uri: given.verification_uri.clone(),
            user_code: given.user_code.clone(),
            verification_uri_complete: given.verification_uri_complete.clone(),
        }
    }
}

impl From<Proof> for SignInGrant {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Token { subject_token, subject_token_type, audience, resource, scope } => {
                let subject_token = subject_token.into();
                Self::TokenExchange { subject_token, subject_token_type, audience, resource, scope }
            }
            Proof::Assertion { assertion, scope } => Self::JwtBearer { assertion: assertion.into(), scope },
            Proof::Password { username, password, scope } => {
                Self::Password { username, password: password.into(), scope }
            }
        }
    }
}

/// Neither hint nor parameters: they may say who it is.
impl fmt::Debug for SignInRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInRequest")
            .field("redirect_uri", &self.redirect_uri)
            .field("scope", &self.scope)
            .field("parameters", &self.parameters.keys())
            .finish_non_exhaustive()
    }
}

/// Neither the address' query nor what is kept.
impl fmt::Debug for BegunSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.split('?').next();
        f.debug_struct("BegunSignIn").field("url", &place).finish_non_exhaustive()
    }
}

/// Its kind alone.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SignInGrant::from(self.clone()).fmt(f)
    }
}
