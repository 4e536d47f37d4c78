//! The shape of a dialect file. Whatever is missing has the default of RFC 6749 and RFC 6750.

use std::collections::BTreeMap;

use http::HeaderName;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::effect::{ApiRule, TokenRule};
use super::path::Path;
use super::retry_after::RetryAfter;
use super::rotation_text::Written;
use super::rule::Test;
use super::scalar::{Scalar, Several};
use super::template::Template;

/// A whole dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) rotation: Written,
    /// The old access token dies when a refresh succeeds.
    #[serde(default)]
    pub(super) old_token_dies: bool,
    #[serde(default = "yes")]
    pub(super) proactive: bool,
    /// Values for blanks that the session does not fill.
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) token: Token,
    #[serde(default)]
    pub(super) token_endpoint: TokenEndpoint,
    #[serde(default)]
    pub(super) refresh_token: GrantSection,
    #[serde(default)]
    pub(super) client_credentials: GrantSection,
    #[serde(default)]
    pub(super) authorization_code: GrantSection,
    #[serde(default)]
    pub(super) device_code: GrantSection,
    #[serde(default)]
    pub(super) token_exchange: GrantSection,
    #[serde(default)]
    pub(super) jwt_bearer: GrantSection,
    pub(super) password: Option<PasswordSection>,
    /// Of the dialect that `[password]` describes.
    #[serde(skip)]
    pub(super) password_grant: GrantSection,
    #[serde(default)]
    pub(super) sign_in: SignInSection,
    pub(super) revoke: Option<Revoke>,
    #[serde(default)]
    pub(super) answer: AnswerSpec,
    #[serde(default)]
    pub(super) api: Api,
    #[serde(default)]
    pub(super) retry_after: RetryAfter,
    #[serde(default)]
    pub(super) redact: Redact,
}

/// Where the access token goes in an API request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Token {
    #[serde(deserialize_with = "header_name")]
    pub(super) header: HeaderName,
    /// `""` = the bare token.
    pub(super) scheme: String,
    /// The name of a cookie; the header and the scheme don't count then.
    pub(super) cookie: Option<String>,
    /// What `token_type` may say beside `Bearer` and `DPoP`.
    pub(super) types: Several<String>,
    /// Other headers that hold credentials in this dialect.
    pub(super) credential_headers: Several<Header>,
    /// What its access tokens have in them beside the characters of RFC 6750 section 2.1.
    pub(super) extra_characters: String,
}

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

/// Where token requests go, and how they are written (RFC 6749 section 3.2).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
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

/// What one grant adds to a token request, or says otherwise than `[token_endpoint]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GrantSection {
    pub(super) grant_type: Option<String>,
    /// The GraphQL document; tokens are among its variables.
    pub(super) document: String,
    /// The document for a server that does not know a field of the first (spec 5.15).
    pub(super) fallback_document: Option<String>,
    /// The header that the refresh token goes into, instead of the body.
    pub(super) token_header: Option<Header>,
    /// What stands before it there. Default: `Bearer` in `Authorization`, nothing elsewhere.
    pub(super) token_scheme: Option<String>,
    /// The cookie that it goes into.
    pub(super) token_cookie: Option<String>,
    pub(super) credential: RefreshCredential,
    /// The header that the old access token goes into, for servers that want to see it.
    pub(super) access_token_header: Option<Header>,
    /// What stands before it there. Default: `Bearer` in `Authorization`, nothing elsewhere.
    pub(super) access_token_scheme: Option<String>,
    pub(super) query: BTreeMap<String, Template>,
    pub(super) extra: BTreeMap<String, Extra>,
    pub(super) headers: BTreeMap<Header, Template>,
}

/// What a refresh is asked for with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RefreshCredential {
    /// A refresh token, which the session keeps.
    #[default]
    Token,
    /// A cookie that the host's HTTP stack keeps, as a browser does with one that is `HttpOnly` (spec 5.21).
    Cookie,
}

/// A sign-in with a user's name and password, where the server has one: what it does otherwise than `[token_endpoint]`
/// and `[answer]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
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

/// How the server spells them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PasswordNames {
    pub(super) username: String,
    pub(super) password: String,
}

impl Default for PasswordNames {
    fn default() -> Self {
        Self { username: "username".to_owned(), password: "password".to_owned() }
    }
}

/// Where a user signs in (RFC 6749 section 4.1.1), and how the server says who it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignInSection {
    /// Who the server says it is: callbacks and ID tokens must name it.
    pub(super) issuer: Option<Template>,
    /// Another name of the issuer that its ID tokens may carry. Callbacks must name `issuer` itself.
    pub(super) id_token_issuer: Option<String>,
    /// It names itself in each callback (RFC 9207).
    pub(super) names_itself: bool,
    pub(super) authorization_url: Option<Template>,
    /// RFC 8628.
    pub(super) device_authorization_url: Option<Template>,
    /// The host of redirect URIs on loopback, where the server takes but one. Default: `127.0.0.1`.
    pub(super) loopback_host: Option<String>,
    /// What is asked for where the sign-in names no scope.
    pub(super) scope: Option<String>,
    /// Further parameters of the authorization request.
    pub(super) parameters: BTreeMap<String, String>,
}

/// The method of a token request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum TokenMethod {
    #[default]
    Post,
    Put,
    Patch,
    /// With the encoding `query` alone: it has no body.
    Get,
}

/// How the body of a token request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    #[default]
    Form,
    Json,
    Graphql,
    /// In the URL, for servers that take it nowhere else (spec 5.23).
    Query,
}

/// How a client authenticates at the token endpoint (spec 5.5), by the names of OpenID Connect Core section 9. One
/// method per request, never probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
    /// `client_id` and an assertion in the body that the secret signs (RFC 7523), a new one each time.
    ClientSecretJwt,
    /// `client_id` and an assertion in the body that a key signs (RFC 7523), a new one each time.
    PrivateKeyJwt,
}

/// How the server spells the fields of a token request; `""` = not sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Names {
    pub(super) grant_type: String,
    pub(super) refresh_token: String,
    /// The old access token's, at a refresh. Not sent by default.
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

/// A further field of a token request: a text with blanks, a number or a yes.
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

/// Where a token endpoint's answer has its fields, and what its errors mean.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AnswerSpec {
    pub(super) access_token: Several<Path>,
    pub(super) refresh_token: Several<Path>,
    pub(super) token_type: Several<Path>,
    pub(super) scope: Several<Path>,
    pub(super) expires_in: Several<Path>,
    /// The same, where the server counts milliseconds.
    pub(super) expires_in_ms: Several<Path>,
    pub(super) expires_at: Several<Path>,
    pub(super) refresh_token_expires_in: Several<Path>,
    pub(super) refresh_token_expires_at: Several<Path>,
    /// The headers that tokens come in, where they don't stand in the body.
    pub(super) headers: BTreeMap<TokenField, Header>,
    /// The cookies that they come in.
    pub(super) cookies: BTreeMap<TokenField, String>,
    /// What must come back with the tokens: name -> path.
    pub(super) keep: BTreeMap<String, Path>,
    pub(super) default_lifetime_seconds: Option<u32>,
    /// Takes the `exp` of a JWT for a hint (spec 1.4).
    pub(super) jwt_exp: bool,
    /// What a grant must fulfil beside having a token.
    pub(super) success: Option<Test>,
    pub(super) rules: Vec<TokenRule>,
}

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
    /// All that a grant is read from.
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

/// A token of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenField {
    AccessToken,
    RefreshToken,
}

fn paths(texts: &[&str]) -> Several<Path> {
    Several(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// What API responses say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Api {
    /// For so long the API may not know a token that was just issued.
    pub(super) settle_ms: u32,
    pub(super) rules: Vec<ApiRule>,
}

/// Where bodies hold secrets that their names don't give away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Redact {
    pub(super) paths: Several<Path>,
}

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

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    HeaderName::try_from(text.as_str())
        .map_err(|_| D::Error::custom(format!("`{text}` is not the name of a header")))
}

fn yes() -> bool {
    true
}

fn token() -> String {
    "token".into()
}
