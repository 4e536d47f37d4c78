//! The authorization request (RFC 6749 section 4.1.1), always with PKCE by S256 (RFC 7636).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use url::Url;

use super::api_access::ApiAccess;
use super::pending::PendingSignIn;
use super::redirect_uri::{check_redirect_uri, check_return_to};
use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};
use crate::extra_parameters::{check_parameters, check_resource, extra_parameters};
use crate::machine::Entropy;
use crate::time::Wall;
use crate::verdict::StepUp;

/// The parameters of a sign-in.
///
/// ```
/// use rekindle_proto::sign_in::SignIn;
///
/// let asked = SignIn::new().scope("openid profile").login_hint("ada@example.com").prompt("consent");
/// assert_eq!(asked.scope.as_deref(), Some("openid profile"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignIn {
    /// The redirect URI. Sent again with the code, unchanged.
    pub redirect_uri: Option<String>,
    /// `scope`: names separated by spaces. `None` = the dialect's.
    pub scope: Option<String>,
    /// `resource`: the URLs of the resources that the tokens are for (RFC 8707).
    pub resource: Vec<String>,
    /// `audience`, if the server supports it (Auth0 and others).
    pub audience: Option<String>,
    /// `prompt` (OpenID Connect Core 3.1.2.1): `login`, `consent`, `select_account`, `none`.
    pub prompt: Option<String>,
    /// `login_hint`: who is likely to sign in.
    pub login_hint: Option<String>,
    /// `acr_values` (RFC 9470).
    pub acr_values: Option<String>,
    /// `max_age`, in seconds.
    pub max_age: Option<u64>,
    /// `claims`, as JSON.
    pub claims: Option<String>,
    /// The application's path to send the user to afterwards, kept with the pending sign-in.
    pub return_to: Option<String>,
    /// Additional parameters that the server requires.
    pub parameters: BTreeMap<String, String>,
}

crate::members!(SignIn {
    redirect_uri,
    scope,
    resource,
    audience,
    prompt,
    login_hint,
    acr_values,
    max_age,
    claims,
    return_to,
    parameters,
});

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, value: impl Into<String>) -> Self {
            self.$name = Some(value.into());
            self
        }
    )+};
}

impl SignIn {
    /// Creates a sign-in with the dialect's defaults.
    ///
    /// ```
    /// assert!(rekindle_proto::sign_in::SignIn::new().scope.is_none());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A sign-in for the API whose server was found: with its resource identifier and its scopes.
    ///
    /// The example is at `rekindle::sign_in::find_api`.
    #[must_use]
    pub fn for_api(api: &ApiAccess) -> Self {
        Self { scope: api.scope.clone(), resource: vec![api.resource.clone()], ..Self::default() }
    }

    setters! {
        /// The redirect URI, as registered for the client.
        ///
        /// ```
        /// let asked = rekindle_proto::sign_in::SignIn::new().redirect_uri("https://app.example.com/callback");
        /// assert!(asked.redirect_uri.is_some());
        /// ```
        redirect_uri,
        /// `scope`: names separated by spaces.
        ///
        /// ```
        /// let asked = rekindle_proto::sign_in::SignIn::new().scope("openid offline_access");
        /// assert_eq!(asked.scope.as_deref(), Some("openid offline_access"));
        /// ```
        scope,
        /// `audience`, if the server supports it.
        ///
        /// ```
        /// let asked = rekindle_proto::sign_in::SignIn::new().audience("https://api.example.com");
        /// assert!(asked.audience.is_some());
        /// ```
        audience,
        /// `prompt`: `login`, `consent`, `select_account`, `none`.
        ///
        /// ```
        /// let asked = rekindle_proto::sign_in::SignIn::new().prompt("consent");
        /// assert_eq!(asked.prompt.as_deref(), Some("consent"));
        /// ```
        prompt,
        /// `login_hint`: the user who is likely to sign in.
        ///
        /// ```
        /// let asked = rekindle_proto::sign_in::SignIn::new().login_hint("ada@example.com");
        /// assert!(asked.login_hint.is_some());
        /// ```
        login_hint,
        /// The path to send the user to afterwards. It begins with a single `/`, so it cannot lead to another site.
        ///
        /// ```
        /// let asked = rekindle_proto::sign_in::SignIn::new().return_to("/settings");
        /// assert_eq!(asked.return_to.as_deref(), Some("/settings"));
        /// ```
        return_to,
    }

    /// Adds the requirements of a step-up verdict (RFC 9470).
    ///
    /// ```
    /// use rekindle_proto::{StepUp, sign_in::SignIn};
    ///
    /// let wanted = StepUp { acr_values: Some("mfa".into()), max_age: Some(60), claims: None };
    /// assert_eq!(SignIn::new().step_up(&wanted).max_age, Some(60));
    /// ```
    #[must_use]
    pub fn step_up(mut self, wanted: &StepUp) -> Self {
        self.acr_values.clone_from(&wanted.acr_values);
        self.max_age = wanted.max_age;
        self.claims.clone_from(&wanted.claims);
        self
    }

    fn check(&self) -> Result<(), Failure> {
        check_parameters("parameters", &self.parameters, &OWN_PARAMETERS)?;
        check_resource("resource", &self.resource)?;
        self.return_to.as_deref().map_or(Ok(()), check_return_to)
    }
}

extra_parameters!(SignIn, "rekindle_proto::sign_in::SignIn");

/// What no further parameter may replace: PKCE must not be weakened, nor state or redirect URI be others.
const OWN_PARAMETERS: [&str; 12] = [
    "response_type",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request_uri",
    "dpop_jkt",
    "response_mode",
];

/// Where a user signs in: one authorization server, as a dialect or its metadata describes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignInServer {
    /// The issuer identifier (RFC 8414, OpenID Connect): callbacks and ID tokens must contain it.
    pub issuer: Option<String>,
    /// Whether each callback contains `iss` (RFC 9207): a callback without it is refused.
    pub names_itself: bool,
    /// Its authorization endpoint.
    pub authorization_url: Url,
    /// Its token endpoint.
    pub token_url: Url,
    /// The host of loopback redirect URIs, if the server accepts only one (RFC 8252 has `127.0.0.1`).
    pub loopback_host: Option<String>,
    /// The scope to request if the sign-in has none.
    pub scope: Option<String>,
    /// Additional parameters of the authorization request.
    pub parameters: BTreeMap<String, String>,
    /// The PKCE methods that the server advertises; empty = not advertised.
    pub challenge_methods: Vec<String>,
    /// The thumbprint of the key that tokens are bound to (RFC 9449 section 10).
    pub dpop_thumbprint: Option<String>,
}

impl SignInServer {
    /// Creates a server from its two endpoints.
    ///
    /// ```
    /// use rekindle_proto::sign_in::SignInServer;
    ///
    /// let url = |text: &str| text.parse().expect("a URL");
    /// let server = SignInServer::new(url("https://auth.example.com/authorize"), url("https://auth.example.com/token"));
    /// assert_eq!(server.issuer, None);
    /// ```
    #[must_use]
    pub fn new(authorization_url: Url, token_url: Url) -> Self {
        Self {
            issuer: None,
            names_itself: false,
            authorization_url,
            token_url,
            loopback_host: None,
            scope: None,
            parameters: BTreeMap::new(),
            challenge_methods: Vec::new(),
            dpop_thumbprint: None,
        }
    }

    /// Sets the issuer identifier.
    ///
    /// ```
    /// use rekindle_proto::sign_in::SignInServer;
    ///
    /// let url = |text: &str| text.parse().expect("a URL");
    /// let server = SignInServer::new(url("https://auth.example.com/authorize"), url("https://auth.example.com/token"));
    /// assert!(server.issuer("https://auth.example.com").issuer.is_some());
    /// ```
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Begins a sign-in: returns the authorization request and the state needed to handle the callback.
    ///
    /// The example is in the module's documentation.
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the problem: the redirect URI, a parameter, a server without PKCE S256.
    pub fn begin(
        &self,
        client_id: &str,
        asked: &SignIn,
        entropy: &mut Entropy,
        now: Wall,
    ) -> Result<(AuthorizationRequest, PendingSignIn), Failure> {
        asked.check()?;
        self.check_challenge_methods()?;
        let redirect_uri = asked.redirect_uri.as_deref().ok_or_else(no_redirect_uri)?;
        check_redirect_uri(redirect_uri)?;
        let scope = asked.scope.clone().or_else(|| self.scope.clone());
        let is_openid = scope.iter().flat_map(|scope| scope.split(' ')).any(|name| name == "openid");
        let pending = PendingSignIn {
            state: secret(entropy),
            code_verifier: secret(entropy),
            nonce: is_openid.then(|| secret(entropy)),
            redirect_uri: redirect_uri.to_owned(),
            client_id: client_id.to_owned(),
            token_endpoint: self.token_url.to_string(),
            issuer: self.issuer.clone(),
            names_itself: self.names_itself,
            scope,
            resource: asked.resource.clone(),
            max_age: asked.max_age,
            return_to: asked.return_to.clone(),
            began_at: now.0,
        };
        Ok((self.request(asked, &pending), pending))
    }

    fn request(&self, asked: &SignIn, pending: &PendingSignIn) -> AuthorizationRequest {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(pending.code_verifier.expose().as_bytes()));
        let mut parameters: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: Option<&str>| {
            parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        };
        add("response_type", Some("code"));
        add("client_id", Some(&pending.client_id));
        add("redirect_uri", Some(&pending.redirect_uri));
        add("scope", pending.scope.as_deref());
        add("state", Some(pending.state.expose()));
        add("nonce", pending.nonce.as_ref().map(Secret::expose));
        add("code_challenge", Some(&challenge));
        add("code_challenge_method", Some("S256"));
        add("dpop_jkt", self.dpop_thumbprint.as_deref());
        for resource in &asked.resource {
            add("resource", Some(resource));
        }
        add("audience", asked.audience.as_deref());
        add("prompt", asked.prompt.as_deref());
        add("login_hint", asked.login_hint.as_deref());
        add("acr_values", asked.acr_values.as_deref());
        add("max_age", asked.max_age.map(|age| age.to_string()).as_deref());
        add("claims", asked.claims.as_deref());
        let given = |name: &String| asked.parameters.contains_key(name);
        for (name, value) in
            asked.parameters.iter().chain(self.parameters.iter().filter(|(name, _)| !given(name)))
        {
            if !parameters.iter().any(|(other, _)| other == name) {
                parameters.push((name.clone(), value.clone()));
            }
        }
        AuthorizationRequest { endpoint: self.authorization_url.clone(), parameters }
    }

    /// A server that says it knows only `plain` would take the verifier itself for the challenge (RFC 7636 section 7.2).
    fn check_challenge_methods(&self) -> Result<(), Failure> {
        if self.challenge_methods.is_empty() || self.challenge_methods.iter().any(|method| method == "S256") {
            return Ok(());
        }
        let message = "the server does not offer PKCE with S256 (code_challenge_methods_supported), and nothing weaker \
                       is used: have it enabled there";
        Err(Failure::new(ErrorKind::InvalidConfig, message))
    }
}

/// An authorization request: a URL for a browser.
#[derive(Clone)]
pub struct AuthorizationRequest {
    endpoint: Url,
    /// Its parameters, in their order.
    pub parameters: Vec<(String, String)>,
}

impl AuthorizationRequest {
    /// Returns the URL with all parameters.
    ///
    /// The example is in the module's documentation.
    #[must_use]
    pub fn url(&self) -> Url {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().extend_pairs(&self.parameters);
        url
    }

    /// The address of a request that was pushed to the server before (RFC 9126 section 4).
    ///
    /// ```
    /// # use rekindle_proto::{Wall, machine::Entropy, sign_in::{SignIn, SignInServer}};
    /// # let url = |text: &str| text.parse().expect("a URL");
    /// # let server = SignInServer::new(url("https://auth.example.com/authorize"), url("https://auth.example.com/token"));
    /// # let asked = SignIn::new().redirect_uri("https://app.example.com/callback");
    /// let (request, _) = server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0))?;
    /// let pushed = request.pushed_url("urn:example:1");
    /// assert_eq!(pushed.query(), Some("client_id=app&request_uri=urn%3Aexample%3A1"));
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn pushed_url(&self, request_uri: &str) -> Url {
        let mut url = self.endpoint.clone();
        let client = self.parameters.iter().filter(|(name, _)| name == "client_id");
        url.query_pairs_mut().extend_pairs(client).append_pair("request_uri", request_uri);
        url
    }
}

/// The endpoint: the rest holds state and nonce.
impl std::fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field("endpoint", &self.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

/// 256 random bits, in 43 letters: what RFC 7636 section 4.1 wants of a verifier.
fn secret(entropy: &mut Entropy) -> Secret {
    let mut bits = [0; 32];
    entropy.fill(&mut bits);
    Secret::new(URL_SAFE_NO_PAD.encode(bits))
}

fn no_redirect_uri() -> Failure {
    let what = " is missing: give the address that the client is registered with, and that the browser comes back to";
    Failure::config("redirect_uri", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> SignInServer {
        let url = |text: &str| text.parse().unwrap();
        SignInServer::new(url("https://auth.example/authorize?tenant=a"), url("https://auth.example/token"))
    }

    fn asked() -> SignIn {
        SignIn::new().redirect_uri("https://app.example/callback")
    }

    fn begin(
        server: &SignInServer,
        asked: &SignIn,
    ) -> Result<(AuthorizationRequest, PendingSignIn), Failure> {
        server.begin("app", asked, &mut Entropy::new([7; 32]), Wall(0))
    }

    // spec 12.1
    #[test]
    fn a_sign_in_has_pkce_by_s256_a_state_and_with_openid_a_nonce() {
        let (request, pending) =
            begin(&server(), &asked().scope("openid email").resource("https://a/").resource("https://b/"))
                .unwrap();
        let url = request.url();
        let of = |name: &str| {
            url.query_pairs()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
                .collect::<Vec<_>>()
        };
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(pending.code_verifier.expose().as_bytes()));
        assert_eq!(
            (of("code_challenge"), of("code_challenge_method")),
            (vec![digest], vec!["S256".to_owned()])
        );
        assert_eq!(of("state"), [pending.state()]);
        assert_eq!(of("nonce"), [pending.nonce.as_ref().unwrap().expose()]);
        assert_eq!((of("tenant"), of("resource").len()), (vec!["a".to_owned()], 2));
        assert_eq!(pending.code_verifier.expose().len(), 43);
        assert!(pending.state() != pending.code_verifier.expose());
        assert!(begin(&server(), &asked()).unwrap().1.nonce.is_none());
    }

    // spec 12.1
    #[test]
    fn plain_is_never_used_and_no_parameter_weakens_pkce() {
        let plain = SignInServer { challenge_methods: vec!["plain".into()], ..server() };
        assert!(begin(&plain, &asked()).unwrap_err().message.contains("S256"));
        for name in OWN_PARAMETERS {
            let failure = begin(&server(), &asked().parameter(name, "plain")).unwrap_err();
            assert!(failure.message.contains(name), "{failure}");
        }
        // Nor one of the dialect's.
        let parameters = BTreeMap::from([("code_challenge_method".to_owned(), "plain".to_owned())]);
        let (request, _) = begin(&SignInServer { parameters, ..server() }, &asked()).unwrap();
        assert!(!request.url().as_str().contains("plain"));
    }

    // spec 9.3
    #[test]
    fn debug_shows_neither_state_nor_verifier() {
        let (request, pending) = begin(&server(), &asked().scope("openid")).unwrap();
        let shown = format!("{request:?} {pending:?}");
        for secret in [&pending.state, &pending.code_verifier, pending.nonce.as_ref().unwrap()] {
            assert!(!shown.contains(secret.expose()), "{shown}");
        }
    }
}
