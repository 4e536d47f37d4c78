//! A model of an authorization server and the API behind it.

mod dialect;
mod model;

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use self::dialect::SeedDialect;
pub use self::model::{Counters, Rotation, Tokens};

use self::dialect::Route;
use self::model::Model;
use crate::answer::{Answer, Fault};
use crate::http::Request;
use crate::{Script, TestServer};

/// A running model. Everything a [`TestServer`] does it does too: a script in front of the model may break
/// single answers, or hold requests, and lets the rest pass.
///
/// ```
/// use rekindle_test_server::{AuthServer, Fault, Script, Step};
///
/// # fn main() -> std::io::Result<()> {
/// let server = AuthServer::builder().start()?;
/// // The first refresh is granted, and its answer cut in the middle; all that follows is the model's.
/// server.play(Script::new().step(Step::on("POST", "/refresh").fault(Fault::Truncate { bytes: 7 })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AuthServer {
    server: TestServer,
    auth: Arc<Auth>,
}

/// Says what the model is like before it starts.
#[derive(Clone, Debug, Default)]
pub struct AuthServerBuilder {
    config: AuthConfig,
    script: Script,
}

/// What the model is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// How the server speaks.
    pub dialect: SeedDialect,
    /// What it does with a refresh token that was used.
    pub rotation: Rotation,
    /// How long an access token lives.
    pub lifetime_ms: u64,
    /// Whether REST answers name the lifetime, as `expiresIn` (the seeds' don't; OAuth and GraphQL always do).
    pub tell_lifetime: bool,
    /// Whether a refresh ends the access tokens before it.
    pub old_access_token_dies: bool,
    /// The status of a GraphQL answer that holds an error.
    pub graphql_error_status: u16,
    /// The OAuth client that may refresh.
    pub client_id: String,
    /// Its secret; empty: a public client.
    pub client_secret: String,
    /// What every token begins with: a sentinel to search logs for.
    pub token_prefix: String,
    /// So many granted refreshes get no answer: the connection is cut.
    pub lose_answers: u32,
    /// How long the answer to a refresh takes, after it was granted.
    pub token_latency_ms: u64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            dialect: SeedDialect::default(),
            rotation: Rotation::default(),
            lifetime_ms: 900_000,
            tell_lifetime: false,
            old_access_token_dies: false,
            graphql_error_status: 200,
            client_id: "app".to_owned(),
            client_secret: "app-secret".to_owned(),
            token_prefix: String::new(),
            lose_answers: 0,
            token_latency_ms: 0,
        }
    }
}

impl AuthServer {
    /// A model that speaks [`SeedDialect::Json`] and doesn't rotate, until told otherwise.
    pub fn builder() -> AuthServerBuilder {
        AuthServerBuilder::default()
    }

    /// Signs a user in: a new family of tokens.
    pub fn sign_in(&self) -> Tokens {
        self.auth.sign_in()
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        self.auth.counters()
    }

    /// Every access token is expired from now on, those of later refreshes not.
    pub fn expire_all_access_tokens(&self) {
        self.auth.expire_all_access_tokens();
    }

    /// Every family is revoked: refreshing fails until somebody signs in.
    pub fn revoke_all(&self) {
        self.auth.revoke_all();
    }

    /// The next so many granted refreshes get no answer: the connection is cut.
    pub fn lose_answers(&self, answers: u32) {
        self.auth.lose_answers(answers);
    }

    /// From now on the answer to a refresh takes so long, after it was granted.
    pub fn set_token_latency(&self, latency: Duration) {
        self.auth.set_token_latency(latency);
    }

    /// Turns the model's clock forward.
    pub fn advance(&self, time: Duration) {
        self.auth.advance(time);
    }
}

impl Deref for AuthServer {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.server
    }
}

impl AuthServerBuilder {
    /// How the server speaks.
    pub fn dialect(mut self, dialect: SeedDialect) -> Self {
        self.config.dialect = dialect;
        self
    }

    /// What it does with a refresh token that was used.
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.config.rotation = rotation;
        self
    }

    /// How long an access token lives.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.config.lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Changes anything else.
    pub fn configure(mut self, change: impl FnOnce(&mut AuthConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// The script in front of the model.
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Starts it.
    pub fn start(self) -> io::Result<AuthServer> {
        let auth = Arc::new(Auth::new(self.config));
        let server = TestServer::start_with(self.script, Some(Arc::clone(&auth)))?;
        Ok(AuthServer { server, auth })
    }
}

/// The model with its clock and its manner of speaking.
#[derive(Debug)]
pub(crate) struct Auth {
    config: AuthConfig,
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    model: Model,
    latency: Duration,
    lose_answers: u32,
    turned: Duration,
}

impl Auth {
    pub(crate) fn new(config: AuthConfig) -> Self {
        let state = State {
            model: Model::new(&config),
            latency: Duration::from_millis(config.token_latency_ms),
            lose_answers: config.lose_answers,
            turned: Duration::ZERO,
        };
        Self { config, begun: Instant::now(), state: Mutex::new(state) }
    }

    pub(crate) fn sign_in(&self) -> Tokens {
        self.at(Model::sign_in)
    }

    pub(crate) fn counters(&self) -> Counters {
        self.state.lock().model.counters
    }

    pub(crate) fn expire_all_access_tokens(&self) {
        self.at(Model::expire_all);
    }

    pub(crate) fn revoke_all(&self) {
        self.state.lock().model.revoke_all();
    }

    pub(crate) fn lose_answers(&self, answers: u32) {
        self.state.lock().lose_answers = answers;
    }

    pub(crate) fn set_token_latency(&self, latency: Duration) {
        self.state.lock().latency = latency;
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.state.lock().turned += time;
    }

    pub(crate) async fn answer(&self, request: &Request) -> Answer {
        match dialect::route(&self.config, request) {
            Route::Refresh(token) => self.refresh(&token).await,
            Route::Revoke(token) => {
                self.state.lock().model.revoke(&token);
                Answer::empty(200)
            }
            Route::Api(call) => {
                let checked = self.at(|model, now| model.check(request.token(), now, call));
                dialect::api_answer(&self.config, request, checked)
            }
            Route::Refuse(answer) => answer,
        }
    }

    async fn refresh(&self, token: &str) -> Answer {
        let _under_way = UnderWay::new(self);
        let granted = self.at(|model, now| model.refresh(token, now));
        let mut answer = dialect::refresh_answer(&self.config, granted.as_ref());
        if granted.is_some() && self.loses_answer() {
            answer.fault = Some(Fault::CloseBeforeResponse);
        }
        let latency = self.state.lock().latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        answer
    }

    fn loses_answer(&self) -> bool {
        let mut state = self.state.lock();
        let loses = state.lose_answers > 0;
        state.lose_answers -= u32::from(loses);
        state.model.counters.answers_lost += u64::from(loses);
        loses
    }

    fn at<T>(&self, act: impl FnOnce(&mut Model, Duration) -> T) -> T {
        let mut state = self.state.lock();
        let now = self.begun.elapsed() + state.turned;
        act(&mut state.model, now)
    }
}

/// Counts the refreshes that are under way at once: a session may never have two.
struct UnderWay<'a>(&'a Auth);

impl<'a> UnderWay<'a> {
    fn new(auth: &'a Auth) -> Self {
        let counters = &mut auth.state.lock().model.counters;
        counters.refreshes_under_way += 1;
        counters.most_at_once = counters.most_at_once.max(counters.refreshes_under_way);
        Self(auth)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state.lock().model.counters.refreshes_under_way -= 1;
    }
}
