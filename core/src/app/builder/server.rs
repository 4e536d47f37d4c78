//! The authorization server, and the client's identity there.

use std::sync::Arc;
use std::time::Duration;

use rekindle_proto::dialect::ClientAuth;
use rekindle_proto::sign_in::{ApiAccess, RegisteredClient, ServerMetadata};
use rekindle_proto::{ClientCredentials, Secret};

use super::super::settings::A_YEAR;
use super::Builder;
use crate::error::Error;
use crate::proof::SigningKey;
use crate::session::{OnLoginRequired, Refresh};

impl<T> Builder<T> {
    /// The token endpoint, if the dialect does not name it.
    ///
    /// ```
    /// use rekindle::{ErrorKind, Session};
    ///
    /// let session = Session::builder("oauth2").token_url("https://auth.example.com/oauth/token").build()?;
    /// assert_eq!(session.dialect().name(), "oauth2");
    ///
    /// let mistake = Session::builder("oauth2").token_url("auth.example.com").build().unwrap_err();
    /// assert_eq!(mistake.kind(), ErrorKind::InvalidConfig);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.settings.token_url = Some(url.into());
        self
    }

    /// The authorization endpoint, where users sign in, if the dialect does not name it.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let builder = Session::builder("oauth2").token_url("https://auth.example.com/oauth/token").client_id("app");
    /// let session = builder.authorization_url("https://auth.example.com/oauth/authorize").build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn authorization_url(mut self, url: impl Into<String>) -> Self {
        self.settings.authorization_url = Some(url.into());
        self
    }

    /// The server's metadata ([`discover`](crate::sign_in::discover)): its endpoints are used if neither a setting nor
    /// the dialect names them.
    ///
    /// ```
    /// use rekindle::{Session, sign_in::ServerMetadata};
    ///
    /// let kept = br#"{"issuer": "https://auth.example.com", "token_endpoint": "https://auth.example.com/token",
    ///     "authorization_endpoint": "https://auth.example.com/authorize"}"#;
    /// let server = ServerMetadata::read("https://auth.example.com", kept)?;
    /// let session = Session::builder("oauth2").server(server).client_id("app").build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn server(mut self, server: ServerMetadata) -> Self {
        self.settings.server = Some(server);
        self
    }

    /// Whether to use pushed authorization requests (RFC 9126) if the server supports them, so that others can neither
    /// read nor change the parameters. Defaults to true.
    ///
    /// ```
    /// let session = rekindle::Session::builder("google").client_id("app").pushed_requests(false).build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn pushed_requests(mut self, pushed: bool) -> Self {
        self.settings.pushes = pushed;
        self
    }

    /// A dynamically registered client ([`register`](crate::sign_in::register)): its id, secret and authentication
    /// method.
    ///
    /// ```
    /// use rekindle::{Session, sign_in::RegisteredClient};
    ///
    /// let kept = RegisteredClient::read(br#"{"client_id": "c-1", "token_endpoint_auth_method": "none"}"#)?;
    /// let session = Session::builder("google").registered_client(&kept)?.build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse: the server chose an unknown client authentication method.
    pub fn registered_client(mut self, client: &RegisteredClient) -> Result<Self, Error> {
        self.settings.client_auth = Some(client.client_auth()?);
        self.settings.client_id = Some(client.client_id.clone());
        self.settings.client_secret.clone_from(&client.client_secret);
        Ok(self)
    }

    /// What [`find_api`](crate::sign_in::find_api) found: the server, the client, and the API's origin.
    ///
    /// For an example, see [`find_api`](crate::sign_in::find_api).
    pub fn api(mut self, found: &ApiAccess) -> Self {
        self.settings.client_auth = found.client_auth.or(self.settings.client_auth);
        self.settings.client_id = Some(found.client_id.clone());
        self.settings.client_secret = found.client_secret.clone().or(self.settings.client_secret.take());
        self.server(found.server.clone()).origin(&found.origin)
    }

    /// Signs the user in again when the session can no longer be kept alive, while callers wait. The handler runs only
    /// once at a time per process, however many callers wait, and not again within 30 s of its own failure.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Credential, Error, OnLoginRequired, Session};
    ///
    /// struct Ask;
    /// #[async_trait::async_trait]
    /// impl OnLoginRequired for Ask {
    ///     async fn sign_in(&self, session: Session) -> Result<(), Error> {
    ///         session.sign_in(Credential { access_token: Some("at-1".into()), ..Credential::default() }).await
    ///     }
    /// }
    /// let session = Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// let session = session.on_login_required(Ask).build()?;
    /// assert_eq!(session.token().await?.value(), "at-1");
    /// # Ok(()) }
    /// ```
    pub fn on_login_required(mut self, handler: impl OnLoginRequired) -> Self {
        self.settings.login = Some(Arc::new(handler));
        self
    }

    /// How long callers wait for [`on_login_required`](Self::on_login_required), within their own deadlines. Defaults
    /// to five minutes. Zero: they get LoginRequired at once, while the handler runs.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// let session = builder.login_timeout(Duration::ZERO).build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn login_timeout(mut self, most: Duration) -> Self {
        self.settings.login_wait = most.min(A_YEAR);
        self
    }

    /// The client id (`client_id`).
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.settings.client_id = Some(id.into());
        self
    }

    /// The client secret (`client_secret`).
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .client_secret("s3cret") // better: read from where you keep secrets
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.settings.client_secret = Some(secret.into());
        self
    }

    /// How the client authenticates at the token endpoint, if its registration differs from the dialect.
    ///
    /// ```
    /// use rekindle::{ClientAuth, Session};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .client_secret("s3cret")
    ///     .client_auth(ClientAuth::ClientSecretBasic)
    ///     .build()?;
    /// assert_eq!(session.dialect().client_auth(), ClientAuth::ClientSecretBasic);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.settings.client_auth = Some(auth);
        self
    }

    /// The key for client authentication with `private_key_jwt` (RFC 7523), instead of a secret.
    ///
    /// ```
    /// use rekindle::{Session, SigningKey};
    ///
    /// # let (_, pem) = SigningKey::generate()?; let pem = pem.expose();
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .client_key(SigningKey::from_pem(pem)?.key_id("2026-11"))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_key(mut self, key: SigningKey) -> Self {
        self.settings.client_key = Some(key);
        self
    }

    /// The key that the tokens are bound to (DPoP, RFC 9449): each request carries a proof signed with it. It must be
    /// the key used for the sign-in.
    ///
    /// ```
    /// use rekindle::{Session, SigningKey};
    ///
    /// # let (_, pem) = SigningKey::generate()?; let pem = pem.expose();
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("app")
    ///     .tokens("at-1", "rt-1")
    ///     .dpop_key(SigningKey::from_pem(pem)?)
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn dpop_key(mut self, key: SigningKey) -> Self {
        self.settings.dpop_key = Some(key);
        self
    }

    /// Whether, with a [`dpop_key`](Self::dpop_key), a token that the server declares unbound (`token_type` Bearer) is
    /// rejected, because a thief could use it. Defaults to true (RFC 9449 section 5). Set it to false for servers that
    /// bind only the tokens of some clients.
    ///
    /// ```
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// builder.require_dpop(false).build()?;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn require_dpop(mut self, required: bool) -> Self {
        self.settings.require_dpop = required;
        self
    }

    /// A value for the dialect's URL templates: `tenant`, `instance`, ...
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("entra").variable("tenant", "contoso").client_id("app").build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.variables.insert(name.into(), value.into());
        self
    }

    /// Uses the client credentials grant (RFC 6749 section 4.4): no user signs in, and the first token is requested
    /// when needed. Requires a client secret or a client key.
    ///
    /// ```
    /// use rekindle::{ClientCredentials, Session};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .client_id("service")
    ///     .client_secret("s3cret") // better: read from where you keep secrets
    ///     .client_credentials(ClientCredentials::new().scope("read write"))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn client_credentials(mut self, request: ClientCredentials) -> Self {
        self.settings.client_credentials = Some(Arc::new(request));
        self
    }

    /// Your own refresh function, used instead of the dialect's request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{Refresh, RefreshError, RefreshInput, Session, TokenResponse};
    ///
    /// struct ByHand;
    /// #[async_trait::async_trait]
    /// impl Refresh for ByHand {
    ///     async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError> {
    ///         // ask your own service, with input.refresh_token
    ///         Ok(TokenResponse::new("at-2"))
    ///     }
    /// }
    ///
    /// let session = Session::builder("oauth2").tokens("at-1", "rt-1").refresh_with(ByHand).build()?;
    /// assert_eq!(session.refresh().await?.value(), "at-2");
    /// # Ok(()) }
    /// ```
    pub fn refresh_with(mut self, refresh: impl Refresh) -> Self {
        self.settings.refresh = Some(Arc::new(refresh));
        self
    }
}
