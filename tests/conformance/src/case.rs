//! A case as it is written: see `README.md`. The schema has been checked when `cases.json` was made.

use std::collections::BTreeMap;

use rekindle::ClientCredentials;
use rekindle_test_server::Step;
use serde::Deserialize;
use serde_json::{Map, Value};

/// All cases.
#[derive(Clone, Debug, Deserialize)]
pub struct Suite {
    /// The version of the format.
    pub format: u32,
    /// In the order of the files.
    pub cases: Vec<Case>,
}

/// One case. What holds `{server}` stays data until the servers run.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Unique among all cases.
    pub id: String,
    /// The file it is from.
    pub topic: String,
    /// Of a case that must fail: a text that one of the complaints holds.
    #[serde(default)]
    pub complaint: Option<String>,
    /// How the session is configured.
    #[serde(default)]
    pub(crate) session: Map<String, Value>,
    #[serde(default)]
    pub(crate) server: Value,
    #[serde(default)]
    pub(crate) other: Value,
    /// It holds for the adapters for other HTTP clients too: it is played through each of them as well.
    #[serde(default)]
    pub adapters: bool,
    /// No session is made before the first operation.
    #[serde(default)]
    pub(crate) lazy: bool,
    pub(crate) operations: Vec<Value>,
    #[serde(default)]
    pub(crate) expect: Value,
}

/// The script; the model (`auth`) is started before it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ServerSpec {
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SessionSpec {
    #[serde(default = "oauth2")]
    pub(crate) dialect: Dialect,
    #[serde(default = "token")]
    pub(crate) token_url: String,
    #[serde(default = "app")]
    pub(crate) client_id: Option<String>,
    #[serde(default)]
    pub(crate) client_secret: Option<String>,
    #[serde(default)]
    pub(crate) client_auth: Option<rekindle::ClientAuth>,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    /// None: the usual one, or the model's sign-in. `false`: none at all.
    #[serde(default)]
    pub(crate) credential: Option<Value>,
    #[serde(default)]
    pub(crate) rotation: Option<Value>,
    #[serde(default)]
    pub(crate) origins: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) insecure_origins: Vec<String>,
    #[serde(default = "yes")]
    pub(crate) background: bool,
    #[serde(default)]
    pub(crate) wait_ms: Option<u64>,
    #[serde(default)]
    pub(crate) send_ms: Option<u64>,
    #[serde(default)]
    pub(crate) lease_ms: Option<u64>,
    #[serde(default)]
    pub(crate) store: StoreKind,
    #[serde(default)]
    pub(crate) same_process: bool,
    #[serde(default)]
    pub(crate) refresh_with: Option<Vec<Value>>,
    #[serde(default)]
    pub(crate) client_credentials: Option<ClientCredentials>,
    #[serde(default)]
    pub(crate) client: ClientSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Dialect {
    Preset(String),
    Toml { toml: String },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoreKind {
    #[default]
    Memory,
    File,
    Scripted,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClientSpec {
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) max_sends: Option<u32>,
    pub(crate) max_redirects: Option<usize>,
    pub(crate) graphql_path: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CredentialSpec {
    pub(crate) access_token: Option<String>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) expires_in: Option<f64>,
    pub(crate) expires_at_ms: Option<i64>,
    pub(crate) scope: Option<String>,
    pub(crate) token_type: Option<String>,
}

/// One operation, and what is expected of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Operation {
    #[serde(default)]
    pub(crate) lane: Option<String>,
    #[serde(default = "main")]
    pub(crate) session: String,
    #[serde(default = "once")]
    pub(crate) times: usize,
    #[serde(default)]
    pub(crate) expect: Option<Value>,
    #[serde(flatten)]
    pub(crate) act: Act,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Act {
    Request(Box<RequestSpec>),
    Graphql {
        query: String,
        #[serde(default)]
        variables: Value,
    },
    Token {
        #[serde(default)]
        if_valid: bool,
        #[serde(default)]
        min_life_ms: Option<u64>,
    },
    Refresh {
        #[serde(default)]
        force: bool,
    },
    Invalidate,
    SignIn {
        /// None: the model's.
        #[serde(default)]
        credential: Option<CredentialSpec>,
    },
    SignOut,
    Status {
        #[serde(default)]
        fresh: bool,
    },
    NewSession {
        name: String,
        #[serde(default)]
        with: Map<String, Value>,
    },
    Advance {
        ms: u64,
    },
    AdvanceToTimer {
        within_ms: u64,
    },
    JumpWall {
        by_ms: i64,
    },
    WaitFor(WaitFor),
    Cancel {
        of: String,
    },
    /// The process of that session is gone: it reaches the store no more.
    Crash {
        of: String,
    },
    Shutdown {
        ms: u64,
    },
    Release {
        name: String,
    },
    Play {
        steps: Vec<Step>,
    },
    ExpireAll,
    RevokeAll,
    LoseAnswers {
        answers: u32,
    },
    Store {
        #[serde(default)]
        load: Option<StoreMode>,
        #[serde(default)]
        save: Option<StoreMode>,
        #[serde(default)]
        damage: Option<Damage>,
    },
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RequestSpec {
    pub(crate) method: Option<String>,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) json: Option<Value>,
    pub(crate) form: Option<BTreeMap<String, String>>,
    pub(crate) text: Option<String>,
    /// A body that can be read once.
    pub(crate) stream: Option<String>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) streamed: bool,
    pub(crate) follow_redirects: Option<bool>,
}

/// What is waited for: one of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WaitFor {
    pub(crate) of: Option<String>,
    pub(crate) requests: Option<usize>,
    pub(crate) path: Option<String>,
    pub(crate) event: Option<Value>,
    pub(crate) counters: Option<Value>,
    pub(crate) status: Option<Value>,
    pub(crate) stored: Option<Value>,
    pub(crate) timer_within_ms: Option<u64>,
    pub(crate) timer_beyond_ms: Option<u64>,
}

/// What a scripted store does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoreMode {
    #[default]
    Works,
    Unavailable,
    /// It is done, and then said not to be.
    Lands,
}

/// What happens to the stored record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Damage {
    Remove,
    Empty,
    Truncate,
    Garbage,
    Trailing,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) events: Option<Vec<Value>>,
    pub(crate) counters: Option<Value>,
    pub(crate) server_log: Vec<Value>,
    pub(crate) other_log: Vec<Value>,
    pub(crate) model: Option<Value>,
    pub(crate) stored: Option<Value>,
}

fn oauth2() -> Dialect {
    Dialect::Preset("oauth2".into())
}

fn token() -> String {
    "{server}/token".into()
}

#[allow(clippy::unnecessary_wraps)]
fn app() -> Option<String> {
    Some("app".into())
}

fn yes() -> bool {
    true
}

fn main() -> String {
    "main".into()
}

fn once() -> usize {
    1
}
