//! What a dialect sends to the authorization server, and what its answers mean.

use std::collections::BTreeSet;

use url::Url;

use super::{Answer, AskAgain, ClientIdentity, Dialect, TokenRequest};
use crate::credential::Secret;
use crate::error::Failure;
use crate::grant::GrantRequest;
use crate::sign_in::SignInServer;
use crate::verdict::Outcome;

impl Dialect {
    /// The token endpoint as this identity reaches it.
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

    /// The request for new tokens.
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

    /// The same for a server that does not know a field of the first document; `None` where there is no other one.
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

    /// Whether an answer is worth asking a second time before its outcome counts.
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

    /// Tells a variable that is missing, or that the dialect does not have. `kept`: what came with the tokens;
    /// `for_the_client`: the client asks for tokens on its own behalf.
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

    /// Who the server says it is (RFC 8414, OpenID Connect), where the dialect knows that.
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

    /// Another name of [`Dialect::issuer`] that its ID tokens may carry, where the server has two.
    ///
    /// ```
    /// let google = rekindle_proto::Dialect::preset("google").unwrap();
    /// assert_eq!(google.id_token_issuer(), Some("accounts.google.com"));
    /// ```
    #[must_use]
    pub fn id_token_issuer(&self) -> Option<&str> {
        self.spec.sign_in.id_token_issuer.as_deref()
    }

    /// Where a user signs in, as this identity reaches it; at `authorization_url`, if one is given.
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
    /// InvalidConfig: the dialect does not say, or a variable is missing.
    pub fn sign_in_server(
        &self,
        identity: &ClientIdentity,
        authorization_url: Option<&Url>,
    ) -> Result<SignInServer, Failure> {
        self.spec.sign_in_server(identity, authorization_url)
    }

    /// What a sign-in asks for where it names no scope.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::Dialect::preset("google").unwrap().default_scope(), Some("openid"));
    /// ```
    #[must_use]
    pub fn default_scope(&self) -> Option<&str> {
        self.spec.sign_in.scope.as_deref()
    }

    /// Where device codes come from (RFC 8628), as this identity reaches it.
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
    /// InvalidConfig: the dialect does not say, or a variable is missing.
    pub fn device_authorization_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        self.spec.device_authorization_url(identity)
    }

    /// The dialect of the server's sign-in with a user's name and password, where it has one; and whether its URL is its
    /// own, not the token endpoint's.
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
    /// InvalidConfig: it has none.
    pub fn for_password(&self) -> Result<(Self, bool), Failure> {
        let has_url = self.spec.password.as_ref().is_some_and(|section| section.url.is_some());
        self.spec.for_password().map(|spec| (Self::new(spec), has_url))
    }

    /// A form with these fields and the client's authentication: for endpoints beside the token endpoint.
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
    /// InvalidConfig: id and secret cannot stand in a header.
    pub fn client_form(
        &self,
        identity: &ClientIdentity,
        url: Url,
        fields: &[(String, String)],
    ) -> Result<TokenRequest, Failure> {
        self.spec.client_form(identity, url, fields)
    }

    /// Fails where the dialect cannot ask for client credentials: one that speaks GraphQL needs a document for it.
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

    /// The request that revokes a refresh token, where the dialect has one (RFC 7009). `None` too where the
    /// session's token endpoint is on another origin than the dialect's revocation endpoint.
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

    /// What a token endpoint's answer means (spec 5.1).
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

    /// What is wrong with an answer that grants nothing, where neither its code nor its words tell: where it
    /// redirects to (spec 5.14), that its access token is none (spec 5.12), or that its clock and ours disagree (spec 5.20).
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

    /// What the server says in its own words, redacted: `error_description`, `message` and their like.
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

    /// The code of an error, fit to be shown: `invalid_grant` and its like.
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
