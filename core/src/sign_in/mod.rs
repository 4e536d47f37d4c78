//! Signing in (spec 12): sends a browser to the authorization server and turns the callback into the session's
//! credential.
//!
//! ```no_run
//! # async fn f() -> Result<(), rekindle::Error> {
//! use rekindle::sign_in::{SignIn, open_browser};
//! use rekindle::{Session, store::FileStore};
//!
//! // On a machine with a browser: one call.
//! let session = Session::builder("google").client_id("..").store(FileStore::new("google.json")).build()?;
//! session.sign_in_with_browser(SignIn::new().scope("openid email"), open_browser).await?;
//!
//! // In a web application: two requests.
//! let begun = session.begin_sign_in(SignIn::new().redirect_uri("https://app.example.com/callback")).await?;
//! let kept = begun.pending.to_json(); // in the user's server-side session; then redirect to begun.url
//! # let callback = "";
//! let pending = rekindle::sign_in::PendingSignIn::from_json(kept.expose())?;
//! session.finish_sign_in(&pending, callback).await?;
//! # Ok(()) }
//! ```

mod accounts;
mod api_access;
mod device;
mod discovery;
mod identity;
mod loopback;
mod resource;
mod spent;
mod token;

use std::sync::Arc;

#[cfg(feature = "http")]
pub use api_access::find_api;
pub use api_access::find_api_with;
#[cfg(feature = "http")]
pub use discovery::discover;
pub use discovery::discover_with;
pub use loopback::{LoopbackOptions, answer_callback};
pub use rekindle_proto::sign_in::{
    ApiAccess, ApiRequest, ClientRegistration, DeviceAuthorization, PendingSignIn, RegisteredClient,
    ResourceMetadata, ServerMetadata, SignIn, SignInGrant,
};
use rekindle_proto::sign_in::{AuthorizationRequest, SignInServer};
use rekindle_proto::{Credential, ErrorKind, Failure};
#[cfg(feature = "http")]
pub use resource::{discover_resource, register};
pub use resource::{discover_resource_with, register_with};
use url::Url;

use crate::error::Error;
#[cfg(feature = "runtime")]
pub use crate::platform::browser::open_browser;
#[cfg(feature = "runtime")]
pub use crate::platform::loopback::LoopbackReceiver;
use crate::proof::Proofs;
use crate::session::Session;
use crate::session::setup::Setup;
use crate::session::token_source::{Endpoint, Source};
use identity::Check;

/// A sign-in in progress.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BegunSignIn {
    /// The URL to open in the user's browser.
    pub url: Url,
    /// The data needed to finish the sign-in. Store it until the browser comes back.
    pub pending: PendingSignIn,
}

impl Session {
    /// Begins a sign-in with an authorization code and PKCE. Returns the URL for the browser and the data to keep until
    /// the browser comes back.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Session, sign_in::SignIn};
    ///
    /// let session = Session::builder("google").client_id("app").build()?;
    /// let begun = session.begin_sign_in(SignIn::new().redirect_uri("https://app.example.com/callback")).await?;
    /// assert_eq!(begun.url.host_str(), Some("accounts.google.com"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming what is missing or invalid: the authorization endpoint, the client id or the redirect URI.
    pub async fn begin_sign_in(&self, asked: SignIn) -> Result<BegunSignIn, Error> {
        begin(self.setup(), &asked).await
    }

    /// Finishes a sign-in with the callback URL that the browser was redirected to. The code is used once: a second
    /// call fails before anything is sent. Dropping the future does not cancel the work: the response is still received
    /// and saved.
    ///
    /// A callback that does not belong to this sign-in is rejected and changes nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # use rekindle::{Session, sign_in::SignIn};
    /// # let session = Session::builder("google").client_id("app").build()?;
    /// # let begun = session.begin_sign_in(SignIn::new().redirect_uri("https://app.example.com/callback")).await?;
    /// let forged = "https://app.example.com/callback?code=theirs&state=guessed";
    /// let error = session.finish_sign_in(&begun.pending, forged).await.unwrap_err();
    /// assert!(error.message().contains("state"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse: the callback does not belong to this sign-in. Misuse: the sign-in was already finished, or
    /// begun by another application. LoginRequired: start again; the message gives the reason. ClientRejected,
    /// InvalidConfig, Connection, StoreUnavailable.
    pub async fn finish_sign_in(&self, pending: &PendingSignIn, callback: &str) -> Result<(), Error> {
        self.sign_in_by(Asking::with_code(self.setup(), pending, callback).await?).await
    }

    /// Signs in with a browser on this machine: a loopback receiver waits five minutes for the callback. `open` shows
    /// the URL to the user: pass [`open_browser`], or a function that prints it.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), rekindle::Error> {
    /// use rekindle::{Session, sign_in::{SignIn, open_browser}};
    ///
    /// let session = Session::builder("google").client_id("app").build()?;
    /// session.sign_in_with_browser(SignIn::new(), open_browser).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Timeout: the browser did not come back in time. Otherwise as [`Session::finish_sign_in`].
    #[cfg(feature = "runtime")]
    pub async fn sign_in_with_browser(
        &self,
        asked: SignIn,
        open: impl FnOnce(&Url) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let options = self.loopback_options(&asked)?;
        let receiver = LoopbackReceiver::bind(&options)?;
        let begun = self.begin_sign_in(asked.redirect_uri(receiver.redirect_uri())).await?;
        open(&begun.url)?;
        let clock = self.clock();
        let callback = receiver.receive(&begun.pending, clock.as_ref(), options.timeout).await?;
        self.finish_sign_in(&begun.pending, &callback).await
    }

    /// The loopback redirect URI: the one of the sign-in, or else the one that the server accepts.
    ///
    /// ```
    /// use rekindle::{Session, sign_in::SignIn};
    ///
    /// let session = Session::builder("entra").client_id("app").build()?;
    /// assert_eq!(session.loopback_options(&SignIn::new())?.host, "localhost");
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the redirect URI is not a loopback address, or the dialect has no sign-in.
    pub fn loopback_options(&self, asked: &SignIn) -> Result<LoopbackOptions, Error> {
        loopback_options(self.setup(), asked)
    }

    /// Signs in without a browser: with another token (RFC 8693), a signed assertion (RFC 7523) or, if the dialect has
    /// a `[password]` section, a user name and password.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), rekindle::Error> {
    /// use rekindle::{Session, sign_in::SignInGrant};
    ///
    /// let session = Session::builder("school.toml").build()?;
    /// let grant = SignInGrant::Password { username: "ada".into(), password: "..".into(), scope: None };
    /// session.sign_in_by_grant(grant).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// LoginRequired: the server rejects the grant. InvalidConfig: the dialect has no sign-in with a password.
    /// ClientRejected, Connection, StoreUnavailable.
    pub async fn sign_in_by_grant(&self, grant: SignInGrant) -> Result<(), Error> {
        let asked = match &grant {
            SignInGrant::TokenExchange { scope, .. }
            | SignInGrant::JwtBearer { scope, .. }
            | SignInGrant::Password { scope, .. } => scope.clone(),
            _ => None,
        };
        let check = Check::of(self.setup(), asked.as_deref(), None).await?;
        self.sign_in_by(Asking { grant, scope: asked, spent: None, check }).await
    }

    /// Asks for tokens and takes them, on the engine's own runtime: who waits may leave.
    async fn sign_in_by(&self, asking: Asking) -> Result<(), Error> {
        let session = self.clone();
        let work = async move {
            let credential = asking.credential(session.setup()).await?;
            session.sign_in(credential).await
        };
        run(self.setup(), work).await
    }
}

fn loopback_options(setup: &Setup, asked: &SignIn) -> Result<LoopbackOptions, Error> {
    let mut options = LoopbackOptions::for_redirect_uri(asked.redirect_uri.as_deref())?;
    if let (None, Some(host)) = (&asked.redirect_uri, server(setup)?.loopback_host) {
        options.host = host;
    }
    Ok(options)
}

/// What tokens are asked for with, once everything that can go wrong before has not.
struct Asking {
    grant: SignInGrant,
    scope: Option<String>,
    spent: Option<spent::Spent>,
    check: Option<Check>,
}

impl Asking {
    /// With a callback's code, which is spent from now on.
    async fn with_code(setup: &Setup, pending: &PendingSignIn, callback: &str) -> Result<Self, Error> {
        let endpoint = endpoint(setup)?;
        let token_url = setup.dialect.token_url(&endpoint.identity)?;
        pending.check_server(endpoint.identity.client_id.as_deref(), token_url.as_str())?;
        let code = pending.code(callback, setup.clock.now().wall)?;
        let check = Check::of(setup, pending.scope(), Some(pending)).await?;
        let grant = SignInGrant::AuthorizationCode {
            code,
            redirect_uri: pending.redirect_uri().to_owned(),
            code_verifier: pending.code_verifier().clone(),
            resource: pending.resource().to_vec(),
        };
        let spent = Some(spent::spend(pending, setup.clock.now().wall)?);
        Ok(Self { grant, scope: pending.scope().map(ToOwned::to_owned), spent, check })
    }

    async fn credential(self, setup: &Setup) -> Result<Credential, Error> {
        let endpoint = match self.grant {
            SignInGrant::Password { .. } => Arc::new(endpoint(setup)?.for_password()?),
            _ => endpoint(setup)?,
        };
        let result = token::ask(&endpoint, setup, self.grant, self.scope).await;
        if let (Err(token::Refused { sent: false, .. }), Some(spent)) = (&result, self.spent) {
            spent.take_back();
        }
        believed(setup, result.map_err(|refused| refused.failure)?, self.check.as_ref()).await
    }
}

/// On the engine's own runtime: who waits may leave.
async fn run<T: Send + 'static>(
    setup: &Setup,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let running = setup.platform.run(work).map_err(|error| no_thread(&error))?;
    running.result.await.unwrap_or_else(|_| Err(no_result().into()))
}

/// Tokens with the name of their user; where that is not believed, they are revoked as far as the server does that.
async fn believed(
    setup: &Setup,
    granted: token::Granted,
    check: Option<&Check>,
) -> Result<Credential, Error> {
    let Some(check) = check else { return Ok(granted.credential) };
    let token = granted.credential.refresh_token.clone().or_else(|| granted.credential.access_token.clone());
    match check.credential(granted.credential, granted.id_token.as_ref(), setup) {
        Ok(credential) => Ok(credential),
        Err(failure) => {
            if let (Some(token), Some(endpoint)) = (token, &setup.endpoint) {
                let until = setup.clock.mono() + setup.machine.send_cap;
                tokio::select! {
                    _ = endpoint.revoke(&token) => {}
                    () = setup.clock.sleep_until(until) => {}
                }
            }
            Err(failure.into())
        }
    }
}

async fn begin(setup: &Setup, asked: &SignIn) -> Result<BegunSignIn, Error> {
    let server = server(setup)?;
    let client_id = client_id(setup)?;
    let mut entropy = setup.platform.entropy()?;
    let (request, pending) = server.begin(client_id, asked, &mut entropy, setup.clock.now().wall)?;
    let metadata = setup.server.as_ref().filter(|_| setup.pushes);
    let url = match metadata.and_then(|server| server.pushed_authorization_request_endpoint.as_ref()) {
        // Nobody but the server sees what is asked for, nor can change it on the way.
        Some(place) => push(setup, place, &request).await?,
        None => request.url(),
    };
    Ok(BegunSignIn { url, pending })
}

/// Pushes the authorization request (RFC 9126).
async fn push(setup: &Setup, place: &Url, request: &AuthorizationRequest) -> Result<Url, Error> {
    let (status, body) = endpoint(setup)?.post(place.clone(), &request.parameters).await?;
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    if let (true, Some(uri)) = (status.is_success(), answer["request_uri"].as_str()) {
        return Ok(request.pushed_url(uri));
    }
    let code = setup.dialect.error_code(&body);
    let words = setup.dialect.server_message(&body, &[]).unwrap_or_default();
    let message = format!(
        "the server refused the pushed authorization request ({}, \"{words}\"): check client id, redirect URI and scope",
        code.as_deref().unwrap_or("no code"),
    );
    let kind = if status.is_server_error() { ErrorKind::Connection } else { ErrorKind::ClientRejected };
    Err(Failure { oauth_error: code, status: Some(status.as_u16()), ..Failure::new(kind, message) }.into())
}

/// What is asked for where the sign-in does not say.
fn server_scope(setup: &Setup) -> Option<String> {
    setup.dialect.default_scope().map(ToOwned::to_owned)
}

fn server(setup: &Setup) -> Result<SignInServer, Failure> {
    let endpoint = endpoint(setup)?;
    let known = setup.server.as_ref();
    let found = known.and_then(|server| server.authorization_endpoint.as_ref());
    let mut server =
        setup.dialect.sign_in_server(&endpoint.identity, setup.authorization_url.as_ref().or(found))?;
    if let Some(known) = known {
        server.issuer = Some(known.issuer.clone());
        server.names_itself |= known.authorization_response_iss_parameter_supported;
        server.challenge_methods.clone_from(&known.code_challenge_methods_supported);
    }
    server.dpop_thumbprint = setup.proofs.as_deref().and_then(Proofs::thumbprint);
    Ok(server)
}

fn endpoint(setup: &Setup) -> Result<Arc<Endpoint>, Failure> {
    setup.endpoint.clone().ok_or_else(|| {
        let message = "a session with a refresh function has no server that it could sign in at: do that yourself, and \
                       pass the tokens to sign_in";
        Failure::new(ErrorKind::Misuse, message)
    })
}

fn client_id(setup: &Setup) -> Result<&str, Failure> {
    let id = setup.endpoint.as_ref().and_then(|endpoint| endpoint.identity.client_id.as_deref());
    id.ok_or_else(|| {
        Failure::config("client_id", " is missing: register the application with the server first")
    })
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(ErrorKind::System, format!("the operating system could not start a thread ({error})"))
}

fn no_result() -> Failure {
    Failure::new(ErrorKind::System, "the sign-in ended without a result: start it again")
}
