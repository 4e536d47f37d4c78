//! What a host says.

use std::time::Duration;

use rekindle::sign_in::{ApiRequest, SignIn};
use rekindle_bindings::{ClientSettings, Credential, Settings, Spelling, StoreSettings};
use rekindle_proto::dialect;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::response::Answer;
use crate::sign_in::{Grant, Registration};

/// One message, by its `do`. `call` numbers what is answered by a `done`, once.
pub(crate) enum Message {
    Session {
        call: u64,
        session: u32,
        settings: Box<Settings>,
    },
    /// How errors spell the settings that they name. Until then as here.
    Spelling {
        of: Language,
    },
    Forget {
        session: u32,
    },
    /// Settings for requests of a session.
    Client {
        call: u64,
        client: u32,
        session: u32,
        settings: ClientSettings,
    },
    ForgetClient {
        client: u32,
    },
    Token {
        call: u64,
        session: u32,
        min_life_ms: Option<u64>,
    },
    TokenIfValid {
        call: u64,
        session: u32,
    },
    Refresh {
        call: u64,
        session: u32,
    },
    ForceRefresh {
        call: u64,
        session: u32,
    },
    Invalidate {
        session: u32,
    },
    /// The host's store says that others may have written.
    Changed {
        session: u32,
    },
    SignIn {
        call: u64,
        session: u32,
        credential: Credential,
    },
    /// A browser is to be sent to the authorization server.
    BeginSignIn {
        call: u64,
        session: u32,
        asked: Box<SignIn>,
    },
    /// It came back.
    FinishSignIn {
        call: u64,
        session: u32,
        pending: String,
        callback: String,
    },
    /// It came back, and the host does not know yet whose session it is for.
    Redeem {
        call: u64,
        session: u32,
        pending: String,
        callback: String,
        key: Option<String>,
    },
    /// The session takes what that call redeemed.
    TakeRedeemed {
        call: u64,
        session: u32,
        redeemed: u64,
    },
    /// Where a browser of this machine comes back to.
    Loopback {
        call: u64,
        session: u32,
        asked: Box<SignIn>,
    },
    /// Somebody came there.
    CallbackReceived {
        call: u64,
        pending: String,
        redirect_uri: String,
        head: String,
    },
    SignInWithDevice {
        call: u64,
        session: u32,
        asked: Box<SignIn>,
    },
    SignInByGrant {
        call: u64,
        session: u32,
        grant: Grant,
    },
    /// What a server says of itself. There need be no such session: its number is in the effects `send`.
    Discover {
        call: u64,
        session: u32,
        issuer: String,
    },
    /// Which server signs users in for an API. As for `discover`, there need be no such session.
    DiscoverResource {
        call: u64,
        session: u32,
        resource: String,
    },
    /// What it takes to sign users in for an API of which only the URL is known. As for `discover`, there need be no such session.
    FindApi {
        call: u64,
        session: u32,
        asked: Box<ApiRequest>,
        store: Option<Box<StoreSettings>>,
    },
    /// Registers the host's program at a server that lets anybody do so. As for `discover`, there need be no such session.
    Register {
        call: u64,
        session: u32,
        server: Value,
        client: Registration,
    },
    /// `revoke`: the server is asked to revoke the tokens; the answer is whether it did, or null where it cannot be asked.
    SignOut {
        call: u64,
        session: u32,
        revoke: bool,
    },
    Status {
        call: u64,
        session: u32,
        fresh: bool,
    },
    Stats {
        call: u64,
        session: u32,
    },
    Shutdown {
        call: u64,
        session: u32,
        ms: u64,
    },
    /// A request of the host's HTTP client begins: which headers go along?
    Begin {
        call: u64,
        request: Box<Beginning>,
    },
    /// No response came.
    Failed {
        call: u64,
        request: u64,
        error: String,
        sent: bool,
    },
    /// The beginning of a body that is handed out as it comes.
    Passed {
        call: u64,
        request: u64,
        response: Answer,
    },
    /// Its response: what follows?
    Answered {
        call: u64,
        request: u64,
        response: Answer,
    },
    /// It was led elsewhere.
    Redirected {
        call: u64,
        request: u64,
        status: u16,
        headers: Vec<(String, String)>,
    },
    /// The host's HTTP client followed redirects by itself, to this URL.
    Followed {
        request: u64,
        url: String,
    },
    /// Which of a request's own headers may go along where a redirect leaves its origin: for a host whose client follows them.
    MayTravel {
        call: u64,
        names: Vec<String>,
    },
    /// Nothing more is asked about that request.
    End {
        request: u64,
    },
    /// Nobody waits for that call any more.
    Cancel {
        call: u64,
    },
    /// The answer to an effect.
    Answer {
        op: u64,
        answer: Value,
    },
}

/// A request, as far as the core has to know of it: of a session, or of a client.
#[derive(Deserialize)]
pub(crate) struct Beginning {
    #[serde(default)]
    pub(crate) session: Option<u32>,
    #[serde(default)]
    pub(crate) client: Option<u32>,
    pub(crate) request: u64,
    pub(crate) method: String,
    /// Of a client it may be a path below the base URL. Left out: where GraphQL is sent to.
    #[serde(default)]
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: Outgoing,
    #[serde(default, rename = "timeout_ms", deserialize_with = "rekindle_bindings::time::limit")]
    pub(crate) timeout: Option<Duration>,
    #[serde(default)]
    pub(crate) reading: Reading,
    /// It was sent already, with the token that this tag stood for.
    #[serde(default)]
    pub(crate) sent_with: Option<u32>,
}

/// How its answer is read.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reading {
    #[default]
    Any,
    /// GraphQL, whole.
    Graphql,
    /// As it comes.
    Streamed,
}

/// A language, by how it spells settings.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    C,
    JavaScript,
    Php,
    Go,
}

impl From<Language> for Spelling {
    fn from(language: Language) -> Self {
        match language {
            Language::C => Self::Snake,
            Language::JavaScript | Language::Php => Self::Camel,
            Language::Go => Self::Go,
        }
    }
}

/// What is wrong with a message.
pub(crate) struct Mistake {
    pub(crate) what: String,
    /// Where in it.
    field: String,
}

impl Mistake {
    /// The user's setting that it is about, if it is about one.
    pub(crate) fn argument(&self) -> Option<String> {
        let mut path = self.field.split('.').skip(1);
        let of_settings = ["settings", "credential", "asked", "grant"].contains(&path.next()?);
        let name = path.collect::<Vec<_>>().join(".");
        // Their unit is ours alone.
        let name = name.strip_suffix("_ms").unwrap_or(&name);
        (of_settings && !name.is_empty()).then(|| name.to_owned())
    }
}

/// A message is read member by member: derived code for all of them as one enum was a sixteenth of the module.
macro_rules! messages {
    ($name:ident, $members:ident; $($text:literal => $variant:ident { $($need:ident),* $(; $($may:ident),+)? })+) => {
        match $name {
            $($text => Message::$variant {
                $($need: $members.needed(stringify!($need))?,)*
                $($($may: $members.optional(stringify!($may))?,)+)?
            },)+
            "begin" => Message::Begin { call: $members.needed("call")?, request: $members.rest()? },
            "failed" => Message::Failed {
                call: $members.needed("call")?,
                request: $members.needed("request")?,
                error: $members.optional("error")?,
                sent: $members.optional::<Option<bool>>("sent")?.unwrap_or(true),
            },
            "passed" => Message::Passed {
                call: $members.needed("call")?,
                request: $members.needed("request")?,
                response: $members.rest()?,
            },
            "answered" => Message::Answered {
                call: $members.needed("call")?,
                request: $members.needed("request")?,
                response: $members.rest()?,
            },
            "answer" => Message::Answer { op: $members.needed("op")?, answer: $members.taken() },
            other => return Err($members.mistake("", format!("unknown variant `{other}`"))),
        }
    };
}

pub(crate) fn read(message: Value) -> Result<Message, Mistake> {
    let none = |what: &str| Mistake { what: what.to_owned(), field: String::new() };
    let Value::Object(mut members) = message else { return Err(none("a message is an object")) };
    let Some(Value::String(name)) = members.remove("do") else {
        return Err(none("a message says in `do` what is to be done"));
    };
    let name = name.as_str();
    let mut members = Members { message: name, members: Value::Object(members) };
    Ok(messages! { name, members;
        "session" => Session { call, session, settings }
        "spelling" => Spelling { of }
        "forget" => Forget { session }
        "client" => Client { call, client, session ; settings }
        "forget_client" => ForgetClient { client }
        "token" => Token { call, session ; min_life_ms }
        "token_if_valid" => TokenIfValid { call, session }
        "refresh" => Refresh { call, session }
        "force_refresh" => ForceRefresh { call, session }
        "invalidate" => Invalidate { session }
        "changed" => Changed { session }
        "sign_in" => SignIn { call, session, credential }
        "begin_sign_in" => BeginSignIn { call, session ; asked }
        "finish_sign_in" => FinishSignIn { call, session, pending, callback }
        "redeem" => Redeem { call, session, pending, callback ; key }
        "take_redeemed" => TakeRedeemed { call, session, redeemed }
        "loopback" => Loopback { call, session ; asked }
        "callback_received" => CallbackReceived { call, pending, redirect_uri, head }
        "sign_in_with_device" => SignInWithDevice { call, session ; asked }
        "sign_in_by_grant" => SignInByGrant { call, session, grant }
        "discover" => Discover { call, session, issuer }
        "discover_resource" => DiscoverResource { call, session, resource }
        "find_api" => FindApi { call, session, asked ; store }
        "register" => Register { call, session, server, client }
        "sign_out" => SignOut { call, session ; revoke }
        "status" => Status { call, session ; fresh }
        "stats" => Stats { call, session }
        "shutdown" => Shutdown { call, session, ms }
        "redirected" => Redirected { call, request, status ; headers }
        "followed" => Followed { request, url }
        "may_travel" => MayTravel { call, names }
        "end" => End { request }
        "cancel" => Cancel { call }
    })
}

/// The members of a message.
struct Members<'a> {
    message: &'a str,
    members: Value,
}

impl Members<'_> {
    fn needed<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Mistake> {
        match self.members.get(name) {
            Some(value) => self.one(name, value),
            None => Err(self.mistake("", format!("missing field `{name}`"))),
        }
    }

    fn optional<T: DeserializeOwned + Default>(&mut self, name: &str) -> Result<T, Mistake> {
        self.members.get(name).map_or_else(|| Ok(T::default()), |value| self.one(name, value))
    }

    fn one<T: DeserializeOwned>(&self, name: &str, value: &Value) -> Result<T, Mistake> {
        dialect::read(value).map_err(|read| {
            let place = [name, &read.field].map(str::to_owned).into_iter().filter(|part| !part.is_empty());
            self.mistake(&place.collect::<Vec<_>>().join("."), read.what)
        })
    }

    /// All of them, as one type.
    fn rest<T: DeserializeOwned>(&self) -> Result<T, Mistake> {
        dialect::read(&self.members).map_err(|read| self.mistake(&read.field, read.what))
    }

    /// All that is left.
    fn taken(&mut self) -> Value {
        self.members.take()
    }

    fn mistake(&self, place: &str, what: String) -> Mistake {
        Mistake { what, field: format!("{}.{place}", self.message).trim_end_matches('.').to_owned() }
    }
}

/// What is known of a request's body.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outgoing {
    #[default]
    None,
    /// It can be sent again.
    Replayable,
    /// It can be sent once.
    Once,
    /// All of it, where GraphQL may be in it.
    Text(String),
}
