//! Requests to the authorization server, and the meaning of its responses.

use std::collections::BTreeSet;

use url::Url;

use super::{Answer, AskAgain, ClientIdentity, Dialect, TokenRequest};
use crate::credential::Secret;
use crate::error::Failure;
use crate::grant::GrantRequest;
use crate::sign_in::SignInServer;
use crate::verdict::Outcome;

impl Dialect {
    /// Returns the URL of the token endpoint for this identity.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    /// let mut identity = ClientIdentity::default();
    /// identity.variables.insert("domain".into(), "acme.eu.auth0.com".into());
    /// let url = Dialect::preset("auth0")?.token_url(&identity)?;
    /// assert_eq!(url.as_str(), "https://acme.eu.auth0.com/oauth/token");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn token_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        self.spec.token_url(identity)
    }

    /// Builds the request for new tokens.
    ///
    /// ```
    /// use rekindle_proto::{ClientCredentials, Dialect, GrantRequest, dialect::ClientIdentity};
    /// let mut identity = ClientIdentity { token_url: "https://idp.example/token".parse().ok(), ..Default::default() };
    /// let refresh =
    ///     GrantRequest::RefreshToken { refresh_token: "abc".into(), scope: None, extra: Default::default(), access_token: None };
    /// let request = Dialect::preset("oauth2")?.token_request(&identity, &refresh)?;
    /// assert_eq!(request.body.expose(), "grant_type=refresh_token&refresh_token=abc");
    ///
    /// identity.client_id = Some("app".into());
    /// let own = ClientCredentials::new().scope("read").into();
    /// let own = GrantRequest::ClientCredentials { request: own, extra: Default::default() };
    /// let request = Dialect::preset("oauth2")?.token_request(&identity, &own)?;
    /// assert_eq!(request.body.expose(), "grant_type=client_credentials&scope=read&client_id=app");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn token_request(
        &self,
        identity: &ClientIdentity,
        grant: &GrantRequest,
    ) -> Result<TokenRequest, Failure> {
        self.spec.token_request(identity, grant)
    }

    /// Builds the request for a server that lacks a field of the first document; `None` without a fallback document.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, GrantRequest, dialect::ClientIdentity};
    /// let identity = ClientIdentity { token_url: "https://api.example/graphql".parse().ok(), ..Default::default() };
    /// let refresh =
    ///     GrantRequest::RefreshToken { refresh_token: "abc".into(), scope: None, extra: Default::default(), access_token: None };
    /// assert!(Dialect::preset("graphql")?.fallback_request(&identity, &refresh)?.is_some());
    /// assert!(Dialect::preset("oauth2")?.fallback_request(&identity, &refresh)?.is_none());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn fallback_request(
        &self,
        identity: &ClientIdentity,
        grant: &GrantRequest,
    ) -> Result<Option<TokenRequest>, Failure> {
        self.spec.fallback_request(identity, grant)
    }

    /// Whether the request must be repeated before its outcome counts.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Wall, dialect::{Answer, AskAgain}};
    ///
    /// let answer = Answer {
    ///     status: http::StatusCode::BAD_REQUEST,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"errors":[{"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#,
    ///     sent_at: Wall(0),
    ///     received_at: Wall(0),
    /// };
    /// assert_eq!(Dialect::preset("graphql").unwrap().asks_again(&answer), Some(AskAgain::WithFallback));
    /// ```
    #[must_use]
    pub fn asks_again(&self, answer: &Answer<'_>) -> Option<AskAgain> {
        self.spec.asks_again(answer)
    }

    /// Checks for missing variables and for ones unknown to the dialect. `kept`: the names kept with the tokens;
    /// `for_the_client`: the grant is client credentials.
    ///
    /// ```
    /// use std::collections::BTreeSet;
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let mistake = Dialect::preset("supabase")?.check_variables(&ClientIdentity::default(), &BTreeSet::new(), false);
    /// assert!(mistake.unwrap_err().message.contains("`apikey`"));
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the variable.
    pub fn check_variables(
        &self,
        identity: &ClientIdentity,
        kept: &BTreeSet<String>,
        for_the_client: bool,
    ) -> Result<(), Failure> {
        self.spec.check_variables(identity, kept, for_the_client)
    }

    /// Returns the issuer identifier (RFC 8414, OpenID Connect), if the dialect knows it.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let issuer = Dialect::preset("google")?.issuer(&ClientIdentity::default());
    /// assert_eq!(issuer.as_deref(), Some("https://accounts.google.com"));
    /// assert_eq!(Dialect::preset("json")?.issuer(&ClientIdentity::default()), None);
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn issuer(&self, identity: &ClientIdentity) -> Option<String> {
        self.spec.issuer(identity).ok().flatten()
    }

    /// A second name for [`Dialect::issuer`] that ID tokens may carry, if the server has two.
    ///
    /// ```
    /// let google = rekindle_proto::Dialect::preset("google").unwrap();
    /// assert_eq!(google.id_token_issuer(), Some("accounts.google.com"));
    /// ```
    #[must_use]
    pub fn id_token_issuer(&self) -> Option<&str> {
        self.spec.sign_in.id_token_issuer.as_deref()
    }

    /// Returns the server where users sign in, for this identity; uses `authorization_url` if given.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let server = Dialect::preset("google")?.sign_in_server(&ClientIdentity::default(), None)?;
    /// assert_eq!(server.issuer.as_deref(), Some("https://accounts.google.com"));
    /// assert!(Dialect::preset("json")?.sign_in_server(&ClientIdentity::default(), None).is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the dialect does not define the URL or a variable is missing.
    pub fn sign_in_server(
        &self,
        identity: &ClientIdentity,
        authorization_url: Option<&Url>,
    ) -> Result<SignInServer, Failure> {
        self.spec.sign_in_server(identity, authorization_url)
    }

    /// The scope that a sign-in requests by default.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::Dialect::preset("google").unwrap().default_scope(), Some("openid"));
    /// ```
    #[must_use]
    pub fn default_scope(&self) -> Option<&str> {
        self.spec.sign_in.scope.as_deref()
    }

    /// Returns the URL of the device authorization endpoint (RFC 8628) for this identity.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let url = Dialect::preset("google")?.device_authorization_url(&ClientIdentity::default())?;
    /// assert_eq!(url.as_str(), "https://oauth2.googleapis.com/device/code");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the dialect does not define the URL or a variable is missing.
    pub fn device_authorization_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        self.spec.device_authorization_url(identity)
    }

    /// Returns the dialect for signing in with a user name and password, and whether that sign-in has a separate URL
    /// from the token endpoint.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    ///
    /// let text = "[password]\nurl = \"https://api.example.com/login\"\nnames = { username = \"email\" }";
    /// assert!(Dialect::from_toml(text, "acme.toml")?.for_password()?.1);
    /// assert!(Dialect::preset("google")?.for_password().is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the dialect does not support it.
    pub fn for_password(&self) -> Result<(Self, bool), Failure> {
        let has_url = self.spec.password.as_ref().is_some_and(|section| section.url.is_some());
        self.spec.for_password().map(|spec| (Self::new(spec), has_url))
    }

    /// Builds a form with these fields and client authentication, for endpoints other than the token endpoint.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    ///
    /// let identity = ClientIdentity { client_id: Some("app".into()), ..ClientIdentity::default() };
    /// let url = "https://auth.example.com/device".parse().expect("a URL");
    /// let fields = [("scope".to_owned(), "read".to_owned())];
    /// let request = Dialect::preset("oauth2")?.client_form(&identity, url, &fields)?;
    /// assert_eq!(request.body.expose(), "scope=read&client_id=app");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the client ID and secret are not a valid header value.
    pub fn client_form(
        &self,
        identity: &ClientIdentity,
        url: Url,
        fields: &[(String, String)],
    ) -> Result<TokenRequest, Failure> {
        self.spec.client_form(identity, url, fields)
    }

    /// Fails if the dialect does not support client credentials: a GraphQL dialect needs a document for them.
    ///
    /// ```
    /// use rekindle_proto::Dialect;
    /// assert!(Dialect::preset("oauth2")?.grants_client_credentials().is_ok());
    /// assert!(Dialect::preset("graphql")?.grants_client_credentials().is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn grants_client_credentials(&self) -> Result<(), Failure> {
        self.spec.grants_client_credentials()
    }

    /// Builds the revocation request for a refresh token (RFC 7009). `None` if the dialect has no revocation endpoint,
    /// or if the session's token endpoint is on another origin than that endpoint.
    ///
    /// ```
    /// use rekindle_proto::{Dialect, dialect::ClientIdentity};
    /// let identity = ClientIdentity::default();
    /// assert!(Dialect::preset("google")?.revoke_request(&identity, &"abc".into())?.is_some());
    /// assert!(Dialect::preset("json")?.revoke_request(&identity, &"abc".into())?.is_none());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    pub fn revoke_request(
        &self,
        identity: &ClientIdentity,
        refresh_token: &Secret,
    ) -> Result<Option<TokenRequest>, Failure> {
        self.spec.revoke_request(identity, refresh_token)
    }

    /// Returns the outcome that a token endpoint's response means (spec 5.1).
    ///
    /// ```
    /// use rekindle_proto::{DeadReason, Dialect, Outcome, Wall, dialect::Answer};
    /// let answer = Answer {
    ///     status: http::StatusCode::BAD_REQUEST,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"error":"invalid_grant"}"#,
    ///     sent_at: Wall(0),
    ///     received_at: Wall(0),
    /// };
    /// assert_eq!(Dialect::preset("oauth2").unwrap().outcome(&answer), Outcome::Dead(DeadReason::Rejected));
    /// ```
    #[must_use]
    pub fn outcome(&self, answer: &Answer<'_>) -> Outcome {
        self.spec.outcome(answer)
    }

    /// Explains a response that grants nothing if its code and message do not: a redirect (spec 5.14), an invalid
    /// access token (spec 5.12), or a clock that disagrees with the client's (spec 5.20).
    ///
    /// ```
    /// use rekindle_proto::{Dialect, Wall, dialect::Answer};
    ///
    /// let answer = Answer {
    ///     status: http::StatusCode::OK,
    ///     headers: &http::HeaderMap::new(),
    ///     body: br#"{"access_token":"error: token is expired"}"#,
    ///     sent_at: Wall(0),
    ///     received_at: Wall(0),
    /// };
    /// assert!(Dialect::preset("oauth2").unwrap().complaint(&answer).unwrap().contains("RFC 6750"));
    /// ```
    #[must_use]
    pub fn complaint(&self, answer: &Answer<'_>) -> Option<String> {
        self.spec.complaint(answer)
    }

    /// Returns the server's error message, redacted: `error_description`, `message` and the like.
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("oauth2").unwrap();
    /// let body = br#"{"error":"invalid_grant","error_description":"Session not active"}"#;
    /// assert_eq!(dialect.server_message(body, &[]).as_deref(), Some("Session not active"));
    /// ```
    #[must_use]
    pub fn server_message(&self, body: &[u8], known: &[&Secret]) -> Option<String> {
        self.spec.server_message(body, known)
    }

    /// Returns the error code, safe to display: `invalid_grant` and the like.
    ///
    /// ```
    /// let dialect = rekindle_proto::Dialect::preset("oauth2").unwrap();
    /// assert_eq!(dialect.error_code(br#"{"error":"invalid_grant"}"#).as_deref(), Some("invalid_grant"));
    /// assert_eq!(dialect.error_code(b"<html>"), None);
    /// ```
    #[must_use]
    pub fn error_code(&self, body: &[u8]) -> Option<String> {
        self.spec.error_code(body)
    }
}
