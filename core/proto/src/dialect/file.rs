//! The structure of a dialect file. Missing fields have the defaults of RFC 6749 and RFC 6750.

use std::collections::BTreeMap;

use http::HeaderName;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::effect::{ApiRule, TokenRule};
use super::path::Path;
use super::retry_after::RetryAfter;
use super::rotation_text::Written;
use super::rule::Test;
use super::scalar::{Scalar, Several};
use super::template::Template;

/// A complete dialect file.
#[derive(Clone, Debug, Default)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) rotation: Written,
    /// The old access token becomes invalid when a refresh succeeds.
    pub(super) old_token_dies: bool,
    pub(super) proactive: Yes,
    /// Values of variables that the session does not set.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) token: Token,
    pub(super) token_endpoint: TokenEndpoint,
    pub(super) refresh_token: GrantSection,
    pub(super) client_credentials: GrantSection,
    pub(super) authorization_code: GrantSection,
    pub(super) device_code: GrantSection,
    pub(super) token_exchange: GrantSection,
    pub(super) jwt_bearer: GrantSection,
    pub(super) password: Option<PasswordSection>,
    /// For the dialect that `[password]` describes.
    pub(super) password_grant: GrantSection,
    pub(super) sign_in: SignInSection,
    pub(super) revoke: Option<Revoke>,
    pub(super) answer: AnswerSpec,
    pub(super) api: Api,
    pub(super) response_tokens: ResponseTokens,
    pub(super) retry_after: RetryAfter,
    pub(super) redact: Redact,
}

crate::members!(Spec {
    name, description, rotation, old_token_dies, proactive, variables, token, token_endpoint,
    refresh_token, client_credentials, authorization_code, device_code, token_exchange, jwt_bearer,
    password, sign_in, revoke, answer, api, response_tokens, retry_after, redact,
} but password_grant);

/// How an API request carries the access token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) header: HeaderName,
    /// `""` = the bare token.
    pub(super) scheme: String,
    /// The name of a cookie; the header and the scheme are not used then.
    pub(super) cookie: Option<String>,
    /// Accepted values of `token_type` besides `Bearer` and `DPoP`.
    pub(super) types: Several<String>,
    /// Other headers that carry credentials in this dialect.
    pub(super) credential_headers: Several<Header>,
    /// Characters of its access tokens besides those of RFC 6750 section 2.1.
    pub(super) extra_characters: String,
}

crate::members!(Token {
    header as Named, scheme, cookie, types, credential_headers, extra_characters,
});

impl Default for Token {
    fn default() -> Self {
        Self {
            header: http::header::AUTHORIZATION,
            scheme: "Bearer".into(),
            cookie: None,
            types: Several::default(),
            credential_headers: Several::default(),
            extra_characters: String::new(),
        }
    }
}

/// The token endpoint, and the format of token requests (RFC 6749 section 3.2).
#[derive(Clone, Debug, Default)]
pub(super) struct TokenEndpoint {
    pub(super) url: Option<Template>,
    pub(super) method: TokenMethod,
    pub(super) encoding: Encoding,
    pub(super) client_auth: ClientAuth,
    pub(super) names: Names,
    pub(super) query: BTreeMap<String, Template>,
    pub(super) extra: BTreeMap<String, Extra>,
    pub(super) headers: BTreeMap<Header, Template>,
}

crate::members!(TokenEndpoint { url, method, encoding, client_auth, names, query, extra, headers });

/// What one grant adds to a token request, or overrides of `[token_endpoint]`.
#[derive(Clone, Debug, Default)]
pub(super) struct GrantSection {
    pub(super) grant_type: Option<String>,
    /// The GraphQL document; tokens are among its variables.
    pub(super) document: String,
    /// The document for a server that lacks a field of the first one (spec 5.15).
    pub(super) fallback_document: Option<String>,
    /// The header that carries the refresh token, instead of the body.
    pub(super) token_header: Option<Header>,
    /// The scheme before the token. Default: `Bearer` in `Authorization`, nothing in other headers.
    pub(super) token_scheme: Option<String>,
    /// The cookie that carries the refresh token.
    pub(super) token_cookie: Option<String>,
    pub(super) credential: RefreshCredential,
    /// The header that carries the old access token, for servers that require it.
    pub(super) access_token_header: Option<Header>,
    /// The scheme before the token. Default: `Bearer` in `Authorization`, nothing in other headers.
    pub(super) access_token_scheme: Option<String>,
    pub(super) query: BTreeMap<String, Template>,
    pub(super) extra: BTreeMap<String, Extra>,
    pub(super) headers: BTreeMap<Header, Template>,
}

crate::members!(GrantSection {
    grant_type,
    document,
    fallback_document,
    token_header,
    token_scheme,
    token_cookie,
    credential,
    access_token_header,
    access_token_scheme,
    query,
    extra,
    headers,
});

/// The credential of a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RefreshCredential {
    /// A refresh token, which the session stores.
    #[default]
    Token,
    /// A cookie that the host's HTTP stack stores, such as a browser's `HttpOnly` cookie (spec 5.21).
    Cookie,
}

/// Signing in with a user name and password, if the server supports it: what differs from `[token_endpoint]` and
/// `[answer]`.
#[derive(Clone, Debug, Default)]
pub(super) struct PasswordSection {
    pub(super) url: Option<Template>,
    pub(super) encoding: Option<Encoding>,
    pub(super) names: PasswordNames,
    pub(super) grant_type: Option<String>,
    pub(super) document: String,
    pub(super) query: BTreeMap<String, Template>,
    pub(super) extra: BTreeMap<String, Extra>,
    pub(super) headers: BTreeMap<Header, Template>,
    pub(super) answer: Option<AnswerSpec>,
}

crate::members!(PasswordSection {
    url,
    encoding,
    names,
    grant_type,
    document,
    query,
    extra,
    headers,
    answer,
});

/// The server's names of these fields.
#[derive(Clone, Debug)]
pub(super) struct PasswordNames {
    pub(super) username: String,
    pub(super) password: String,
}

crate::members!(PasswordNames { username, password });

impl Default for PasswordNames {
    fn default() -> Self {
        Self { username: "username".to_owned(), password: "password".to_owned() }
    }
}

/// Where a user signs in (RFC 6749 section 4.1.1), and how the server identifies itself.
#[derive(Clone, Debug, Default)]
pub(super) struct SignInSection {
    /// The issuer identifier: callbacks and ID tokens must contain it.
    pub(super) issuer: Option<Template>,
    /// Another name of the issuer that its ID tokens may carry. Callbacks must name `issuer` itself.
    pub(super) id_token_issuer: Option<String>,
    /// The server identifies itself in each callback (RFC 9207).
    pub(super) names_itself: bool,
    pub(super) authorization_url: Option<Template>,
    /// RFC 8628.
    pub(super) device_authorization_url: Option<Template>,
    /// The host of redirect URIs on loopback, if the server accepts only one. Default: `127.0.0.1`.
    pub(super) loopback_host: Option<String>,
    /// The scope that is requested if the sign-in names none.
    pub(super) scope: Option<String>,
    /// Further parameters of the authorization request.
    pub(super) parameters: BTreeMap<String, String>,
}

crate::members!(SignInSection {
    issuer,
    id_token_issuer,
    names_itself,
    authorization_url,
    device_authorization_url,
    loopback_host,
    scope,
    parameters,
});

/// The method of a token request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum TokenMethod {
    #[default]
    Post,
    Put,
    Patch,
    /// Only with the encoding `query`: it has no body.
    Get,
}

/// The encoding of a token request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    #[default]
    Form,
    Json,
    Graphql,
    /// In the URL, for servers that accept nothing else (spec 5.23).
    Query,
}

/// How a client authenticates at the token endpoint (spec 5.5), by the names of OpenID Connect Core section 9. One
/// method per request, never probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientAuth {
    /// `client_id` in the body, no secret.
    None,
    /// HTTP Basic; a client without a secret sends `client_id` in the body.
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the body.
    #[default]
    ClientSecretPost,
    /// `client_id` and an assertion in the body, signed with the secret (RFC 7523); a new one for each request.
    ClientSecretJwt,
    /// `client_id` and an assertion in the body, signed with a key (RFC 7523); a new one for each request.
    PrivateKeyJwt,
}

/// The server's names of the fields of a token request; `""` = not sent.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) grant_type: String,
    pub(super) refresh_token: String,
    /// The name for the old access token in a refresh. Not sent by default.
    pub(super) access_token: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) scope: String,
    pub(super) audience: String,
    pub(super) resource: String,
    pub(super) code: String,
    pub(super) redirect_uri: String,
    pub(super) code_verifier: String,
}

crate::members!(Names {
    grant_type,
    refresh_token,
    access_token,
    client_id,
    client_secret,
    scope,
    audience,
    resource,
    code,
    redirect_uri,
    code_verifier,
});

impl Default for Names {
    fn default() -> Self {
        let own = |text: &str| text.to_owned();
        Self {
            grant_type: own("grant_type"),
            refresh_token: own("refresh_token"),
            access_token: String::new(),
            client_id: own("client_id"),
            client_secret: own("client_secret"),
            scope: own("scope"),
            audience: own("audience"),
            resource: own("resource"),
            code: own("code"),
            redirect_uri: own("redirect_uri"),
            code_verifier: own("code_verifier"),
        }
    }
}

/// A further field of a token request: a text with variables, a number or a boolean.
#[derive(Clone, Debug)]
pub(super) enum Extra {
    Text(Template),
    Plain(Scalar),
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => text.parse().map(Self::Text).map_err(D::Error::custom),
            plain => Ok(Self::Plain(plain)),
        }
    }
}

/// RFC 7009.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    pub(super) url: Template,
    #[serde(default = "token")]
    pub(super) field: String,
}

/// The fields of a token endpoint's response, and the meaning of its errors.
#[derive(Clone, Debug)]
pub(super) struct AnswerSpec {
    pub(super) access_token: Several<Path>,
    pub(super) refresh_token: Several<Path>,
    pub(super) token_type: Several<Path>,
    pub(super) scope: Several<Path>,
    pub(super) expires_in: Several<Path>,
    /// The same in milliseconds.
    pub(super) expires_in_ms: Several<Path>,
    pub(super) expires_at: Several<Path>,
    pub(super) refresh_token_expires_in: Several<Path>,
    pub(super) refresh_token_expires_at: Several<Path>,
    /// The headers that contain tokens, if the body does not.
    pub(super) headers: BTreeMap<TokenField, Header>,
    /// The cookies that contain tokens.
    pub(super) cookies: BTreeMap<TokenField, String>,
    /// Values to store with the tokens: name -> path.
    pub(super) keep: BTreeMap<String, Path>,
    pub(super) default_lifetime_seconds: Option<u32>,
    /// Uses the `exp` of a JWT as a hint (spec 1.4).
    pub(super) jwt_exp: bool,
    /// Conditions that a grant must meet besides containing a token.
    pub(super) success: Option<Test>,
    pub(super) rules: Vec<TokenRule>,
}

crate::members!(AnswerSpec {
    access_token,
    refresh_token,
    token_type,
    scope,
    expires_in,
    expires_in_ms,
    expires_at,
    refresh_token_expires_in,
    refresh_token_expires_at,
    headers,
    cookies,
    keep,
    default_lifetime_seconds,
    jwt_exp,
    success,
    rules,
});

impl Default for AnswerSpec {
    fn default() -> Self {
        Self {
            access_token: paths(&["access_token"]),
            refresh_token: paths(&["refresh_token"]),
            token_type: paths(&["token_type"]),
            scope: paths(&["scope"]),
            expires_in: paths(&["expires_in"]),
            expires_in_ms: Several::default(),
            expires_at: paths(&["expires_at"]),
            headers: BTreeMap::new(),
            cookies: BTreeMap::new(),
            refresh_token_expires_in: paths(&[
                "refresh_token_expires_in",
                "refresh_expires_in",
                "x_refresh_token_expires_in",
            ]),
            refresh_token_expires_at: paths(&["refresh_token_expires_at"]),
            keep: BTreeMap::new(),
            default_lifetime_seconds: None,
            jwt_exp: false,
            success: None,
            rules: Vec::new(),
        }
    }
}

impl AnswerSpec {
    /// All paths that a grant is read from.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let several = [
            &self.access_token,
            &self.refresh_token,
            &self.token_type,
            &self.scope,
            &self.expires_in,
            &self.expires_in_ms,
            &self.expires_at,
            &self.refresh_token_expires_in,
            &self.refresh_token_expires_at,
        ];
        several.into_iter().flat_map(|paths| &paths.0).chain(self.keep.values())
    }
}

/// A token in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenField {
    AccessToken,
    RefreshToken,
}

fn paths(texts: &[&str]) -> Several<Path> {
    Several(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// The meaning of API responses.
#[derive(Clone, Debug, Default)]
pub(super) struct Api {
    /// How long the API may not know a newly issued token.
    pub(super) settle_ms: u32,
    pub(super) rules: Vec<ApiRule>,
}

crate::members!(Api { settle_ms, rules });

/// Where an API's responses carry new tokens (spec 2.13).
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseTokens {
    pub(super) headers: BTreeMap<TokenField, Header>,
    pub(super) cookies: BTreeMap<TokenField, String>,
    /// The header with the access token's lifetime in seconds.
    pub(super) expires_in: Option<Header>,
    /// The header with its expiry.
    pub(super) expires_at: Option<Header>,
}

crate::members!(ResponseTokens { headers, cookies, expires_in, expires_at });

/// Paths of secrets in bodies that their names do not reveal.
#[derive(Clone, Debug, Default)]
pub(super) struct Redact {
    pub(super) paths: Several<Path>,
}

crate::members!(Redact { paths });

/// The name of a header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Header(pub(super) String);

impl Header {
    pub(super) fn name(&self) -> Option<HeaderName> {
        HeaderName::try_from(self.0.as_str()).ok()
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        header_name(deserializer).map(|name| Self(name.as_str().to_owned()))
    }
}

/// Reads the name of a header.
struct Named(HeaderName);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        header_name(deserializer).map(Self)
    }
}

impl From<Named> for HeaderName {
    fn from(named: Named) -> Self {
        named.0
    }
}

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    HeaderName::try_from(text.as_str())
        .map_err(|_| D::Error::custom(format!("`{text}` is not the name of a header")))
}

/// `true` unless the file says otherwise.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Yes(pub(super) bool);

impl Default for Yes {
    fn default() -> Self {
        Self(true)
    }
}

fn token() -> String {
    "token".into()
}
