//! Real authorization and GraphQL servers, started on loopback for one test and gone with it.
//!
//! ```no_run
//! use rekindle_idp::{OidcOptions, OidcProvider};
//!
//! let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
//! let pair = idp.mint_expired();
//! // ... point a session at idp.token_url() and idp.url("/api/data"), seeded with `pair` ...
//! assert_eq!(idp.stats().refreshes, 0);
//! # let _ = pair;
//! ```
//!
//! `start` gives `None` only where `REKINDLE_SKIP_IDP` is set (and `CI` is not `true`). If the servers
//! are not installed it panics with a message that names `cargo xtask test --install`.
//!
//! It does not judge anything: what a client makes of these answers is for the tests to say.
// A helper for tests: a panic with a clear message is its way to report.
#![allow(clippy::panic)]

mod http;
mod install;
mod process;

use std::time::Duration;

use serde::Deserialize;

pub use install::{keycloak, node_modules, python, skipped};
use process::Process;

/// The public client: refreshes with `client_id` in the body and no secret.
pub const PUBLIC_CLIENT: &str = "pub";
/// The confidential client: refreshes with HTTP Basic.
pub const CONFIDENTIAL_CLIENT: &str = "conf";
/// The secret of [`CONFIDENTIAL_CLIENT`]. It opens nothing but a server that lives as long as a test.
pub const CONFIDENTIAL_SECRET: &str = "loopback-only";

/// The client that signs assertions (`private_key_jwt`).
pub const SIGNED_CLIENT: &str = "signed";

/// The client whose secret signs (`client_secret_jwt`).
pub const HASHED_CLIENT: &str = "hashed";
/// The secret of [`HASHED_CLIENT`].
pub const HASHED_SECRET: &str = "loopback-only-and-as-long-as-32-bytes";

/// A pair minted without a browser.
#[derive(Debug, Clone, Deserialize)]
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// The refresh token, unused.
    pub refresh_token: String,
    /// Seconds the access token lives; 0 or less: it is over already.
    pub expires_in: i64,
}

/// What a server has seen so far; the same names on every server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// Requests to the token endpoint, whatever the answer.
    pub token_requests: u64,
    /// Refreshes that were granted.
    pub refreshes: u64,
    /// Replays of a used refresh token that the server noticed (and revoked the family for).
    pub reuse_detected: u64,
    /// API requests whose token was accepted.
    pub api_accepted: u64,
    /// API requests whose token was refused, or missing.
    pub api_rejected: u64,
    /// Side effects that happened.
    pub side_effects: u64,
}

/// A running server. Dropping it ends the process that it started, and no other.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub base_url: String,
    _process: Process,
}

impl Server {
    /// The URL of a path: `server.url("/api/data")`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The token endpoint of an OAuth server.
    pub fn token_url(&self) -> String {
        self.url("/token")
    }

    /// A fresh pair for the public client.
    pub fn mint(&self) -> Tokens {
        self.mint_at("/mint")
    }

    /// A pair whose access token is over and whose refresh token is good.
    pub fn mint_expired(&self) -> Tokens {
        self.mint_at("/mint?expires_in=-1")
    }

    /// A pair for one of the two clients, whose access token lives for `lifetime` (zero: it is over).
    pub fn mint_for(&self, client: &str, lifetime: Duration) -> Tokens {
        self.mint_at(&format!("/mint?client={client}&expires_in={}", lifetime.as_secs()))
    }

    /// The same, bound to the key of that thumbprint (RFC 9449).
    pub fn mint_bound(&self, client: &str, lifetime: Duration, thumbprint: &str) -> Tokens {
        self.mint_at(&format!("/mint?client={client}&expires_in={}&jkt={thumbprint}", lifetime.as_secs()))
    }

    /// The counters of this moment.
    pub fn stats(&self) -> Stats {
        self.ask("/stats")
    }

    fn mint_at(&self, path: &str) -> Tokens {
        self.ask(path)
    }

    fn ask<T: for<'a> Deserialize<'a>>(&self, path: &str) -> T {
        let body = http::get(&self.base_url, path).unwrap_or_else(|e| panic!("{}{path}: {e}", self.base_url));
        serde_json::from_str(&body).unwrap_or_else(|e| panic!("{}{path}: {e} in {body:?}", self.base_url))
    }
}

/// How oidc-provider is set up.
#[derive(Debug, Clone, Copy)]
pub struct OidcOptions {
    /// Lifetime of its access tokens.
    pub access_ttl: Duration,
    /// Whether a refresh gives a new refresh token (and a replay of the old one kills the family).
    pub rotate: bool,
}

impl Default for OidcOptions {
    fn default() -> Self {
        Self { access_ttl: Duration::from_secs(300), rotate: true }
    }
}

/// `oidc-provider`, and in front of it an API: `GET /api/data`, `POST /api/side-effect`.
#[derive(Debug)]
pub struct OidcProvider;

impl OidcProvider {
    /// Starts it; `None` where such tests are skipped.
    pub fn start(options: OidcOptions) -> Option<Server> {
        Self::start_with(options, "")
    }

    /// The same with [`SIGNED_CLIENT`], that has this public key, and with proofs of possession that must carry
    /// a nonce. Its own resource is `/me`, which looks at them.
    pub fn start_with_key(options: OidcOptions, jwk: &serde_json::Value) -> Option<Server> {
        Self::start_with(options, &jwk.to_string())
    }

    fn start_with(options: OidcOptions, jwk: &str) -> Option<Server> {
        let ttl = options.access_ttl.as_secs().to_string();
        let rotate = options.rotate.to_string();
        let env = [("IDP_ACCESS_TTL", &*ttl), ("IDP_ROTATE", &*rotate), ("IDP_CLIENT_JWK", jwk)];
        start_node("oidc.mjs", &env)
    }
}

/// How the authority behind the GraphQL servers is set up.
///
/// Both serve the same schema at three paths: `/graphql` (its resolvers guard), `/context` (a bad token
/// is refused while the context is made), `/context-401` (the same, with an explicit status).
#[derive(Debug, Clone, Copy)]
pub struct GraphqlOptions {
    /// Lifetime of its access tokens.
    pub access_ttl: Duration,
    /// Strict rotation with reuse detection; without it the refresh answers as the seed document's does.
    pub rotate: bool,
}

impl Default for GraphqlOptions {
    fn default() -> Self {
        Self { access_ttl: Duration::from_secs(900), rotate: true }
    }
}

impl GraphqlOptions {
    fn start(self, script: &str) -> Option<Server> {
        let ttl = self.access_ttl.as_secs().to_string();
        let rotation = if self.rotate { "strict" } else { "none" };
        start_node(script, &[("IDP_ACCESS_TTL", &ttl), ("IDP_ROTATION", rotation)])
    }
}

/// Apollo Server.
#[derive(Debug)]
pub struct Apollo;

impl Apollo {
    /// Starts it; `None` where such tests are skipped.
    pub fn start(options: GraphqlOptions) -> Option<Server> {
        options.start("apollo.mjs")
    }
}

/// graphql-yoga.
#[derive(Debug)]
pub struct Yoga;

impl Yoga {
    /// Starts it; `None` where such tests are skipped.
    pub fn start(options: GraphqlOptions) -> Option<Server> {
        options.start("yoga.mjs")
    }
}

/// How django-oauth-toolkit treats a refresh token that was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DotMode {
    /// Refused; its successor lives on.
    Default,
    /// Refused, and the family is revoked.
    ReuseProtection,
    /// Answered with the same pair as before, within so many seconds of its first use.
    Grace(u32),
}

impl DotMode {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::ReuseProtection => "reuse-protection",
            Self::Grace(_) => "grace",
        }
    }

    fn grace(self) -> u32 {
        match self {
            Self::Grace(seconds) => seconds,
            Self::Default | Self::ReuseProtection => 0,
        }
    }
}

/// django-oauth-toolkit: the dialect that answers every token error with an empty 403.
#[derive(Debug)]
pub struct DjangoOauthToolkit;

impl DjangoOauthToolkit {
    /// Starts it; `None` where such tests are skipped.
    pub fn start(mode: DotMode) -> Option<Server> {
        if skipped() {
            return None;
        }
        let python = python().unwrap_or_else(|why| panic!("{why}"));
        let script = install::folder().join("python/dot.py");
        let grace = mode.grace().to_string();
        Some(start(&python, &script, &[("IDP_MODE", mode.name()), ("IDP_GRACE", &grace)]))
    }
}

/// Keycloak with one realm, that rotates refresh tokens and ends the session of one that comes twice. In front of it is an
/// API, `GET /api/data`; the realm's issuer is at [`Keycloak::REALM`].
#[derive(Debug)]
pub struct Keycloak;

impl Keycloak {
    /// The path of the realm's issuer.
    pub const REALM: &str = "/realms/rekindle";

    /// Starts it; `None` where such tests are skipped.
    pub fn start() -> Option<Server> {
        if skipped() {
            return None;
        }
        let folder = keycloak().unwrap_or_else(|why| panic!("{why}"));
        start_node("keycloak.mjs", &[("IDP_KEYCLOAK", &folder.to_string_lossy())])
    }
}

fn start_node(script: &str, env: &[(&str, &str)]) -> Option<Server> {
    if skipped() {
        return None;
    }
    node_modules().unwrap_or_else(|why| panic!("{why}"));
    Some(start("node".as_ref(), &install::folder().join("node").join(script), env))
}

fn start(program: &std::path::Path, script: &std::path::Path, env: &[(&str, &str)]) -> Server {
    let (process, base_url) = Process::start(program, script, env).unwrap_or_else(|why| panic!("{why}"));
    Server { base_url, _process: process }
}
