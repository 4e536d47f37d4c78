//! The core as a host sees it: messages in, effects out.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable};
use rekindle::transport::{Sent, TransportError};
use rekindle::{Client, Error, ErrorKind, Failure, Host, Revocation, Session, Token};
use rekindle::{Now, Wall};
use serde_json::{Value, json};

use crate::calls::{Owner, Requests};
use crate::message::{Beginning, Message};
use crate::outbox::{SharedOutbox, lock};
use crate::sign_in::Redeemed;
use crate::{settings, shown, sign_in};

/// The top bit of a tag: there is something to do, the host has to make a turn.
const TURN: u32 = 1 << 31;

/// So many tokens of a session are kept for answers that come late.
const TAGGED: usize = 16;

/// Sessions of one host, and what is asked of them.
pub struct Core {
    host: Host,
    outbox: SharedOutbox,
    sessions: Mutex<BTreeMap<u32, Hosted>>,
    clients: Mutex<BTreeMap<u32, Client>>,
    requests: Arc<Requests>,
    waiting: Arc<Mutex<BTreeMap<u64, AbortHandle>>>,
    redeemed: Arc<Redeemed>,
}

struct Hosted {
    session: Session,
    /// The tokens that the last tags stand for, the newest last. They are kept so that no other can be taken for them, and for
    /// answers to requests that were sent with them.
    tagged: VecDeque<(u32, Token)>,
    tag: u32,
}

impl Core {
    /// A core. `seed`: 32 bytes that nobody can guess; `boot` names the beginning of the monotonic clock, where other processes
    /// share that clock.
    ///
    /// ```
    /// let core = rekindle_hosted::Core::new([7; 32], None);
    /// assert_eq!(core.turn(0.0, 0.0, "[]"), r#"{"due_ms":null,"effects":[]}"#);
    /// ```
    #[must_use]
    pub fn new(seed: [u8; 32], boot: Option<&str>) -> Self {
        let host = boot.map_or_else(|| Host::new(seed), |boot| Host::of_boot(seed, boot));
        Self {
            host,
            outbox: SharedOutbox::default(),
            sessions: Mutex::default(),
            clients: Mutex::default(),
            requests: Arc::default(),
            waiting: Arc::default(),
            redeemed: Arc::default(),
        }
    }

    /// Takes the host's messages, lets everything go on that can, and gives what the host has to do: see `ABI.md`.
    ///
    /// ```
    /// let core = rekindle_hosted::Core::new([7; 32], None);
    /// let said = core.turn(0.0, 0.0, r#"[{ "do": "dance" }]"#);
    /// assert!(said.contains("unknown variant `dance`"), "{said}");
    /// ```
    #[must_use]
    pub fn turn(&self, mono_ms: f64, wall_ms: f64, messages: &str) -> String {
        let now = now(mono_ms, wall_ms);
        self.host.set_clock(now);
        match serde_json::from_str::<Vec<Value>>(messages) {
            Ok(messages) => messages.into_iter().for_each(|message| self.hear(message)),
            Err(error) => self.fault(None, &error.to_string()),
        }
        let due = self.host.turn(now);
        let due = due.map(|due| due.as_secs_f64() * 1_000.0);
        json!({ "effects": self.outbox.take(), "due_ms": due }).to_string()
    }

    /// Whether a session's token is valid now, as one number: 0 = ask for it with a message. As long as the number stays the
    /// same, so does the token that the host has for it. The top bit says that a turn is due: it is not part of the number.
    ///
    /// ```
    /// let core = rekindle_hosted::Core::new([7; 32], None);
    /// assert_eq!(core.tag(1, 0.0, 0.0), 0); // there is no such session
    /// ```
    #[must_use]
    pub fn tag(&self, session: u32, mono_ms: f64, wall_ms: f64) -> u32 {
        self.host.set_clock(now(mono_ms, wall_ms));
        let mut sessions = lock(&self.sessions);
        let Some(hosted) = sessions.get_mut(&session) else { return 0 };
        let tag = hosted.tag();
        tag | if self.host.has_work() { TURN } else { 0 }
    }

    fn hear(&self, message: Value) {
        let call = message["call"].as_u64();
        match crate::message::read(message) {
            Ok(message) => self.act(message),
            Err(mistake) => match (call, mistake.argument()) {
                (Some(call), Some(name)) => {
                    let problem = format!(": {}", mistake.what);
                    self.say_done(call, Err(&Failure::config(&name, problem).into()));
                }
                _ => self.fault(call, &mistake.what),
            },
        }
    }

    fn act(&self, message: Message) {
        match message {
            Message::Session { call, session, settings } => {
                let built = settings::build(*settings, session, &self.host, &self.outbox);
                let shown = built.as_ref().map(shown::session);
                self.say_done(call, shown);
                if let Ok(built) = built {
                    let hosted = Hosted { session: built, tagged: VecDeque::new(), tag: 0 };
                    lock(&self.sessions).insert(session, hosted);
                }
            }
            Message::Client { call, client, session, settings } => {
                let Some(session) = self.session(session) else { return self.no_session(call, session) };
                let built = settings.apply(Client::builder(session)).and_then(|builder| builder.build());
                self.say_done(call, built.as_ref().map(shown::client));
                if let Ok(built) = built {
                    lock(&self.clients).insert(client, built);
                }
            }
            Message::Spelling { of } => self.outbox.spell(of.into()),
            Message::ForgetClient { client } => drop(lock(&self.clients).remove(&client)),
            Message::Forget { session } => drop(lock(&self.sessions).remove(&session)),
            Message::Invalidate { session } => {
                if let Some(session) = self.session(session) {
                    session.invalidate();
                }
            }
            Message::Changed { session } => {
                if let Some(session) = self.session(session) {
                    session.store_changed();
                }
            }
            Message::Answer { op, answer } => self.outbox.answer(op, answer),
            Message::Cancel { call } => {
                if let Some(waiting) = lock(&self.waiting).remove(&call) {
                    waiting.abort();
                }
            }
            Message::Followed { request, url } => self.requests.followed(request, &url),
            Message::End { request } => self.requests.end(request),
            Message::BeginSignIn { .. }
            | Message::FinishSignIn { .. }
            | Message::Redeem { .. }
            | Message::TakeRedeemed { .. }
            | Message::Loopback { .. }
            | Message::CallbackReceived { .. }
            | Message::SignInWithDevice { .. }
            | Message::SignInByGrant { .. }
            | Message::Discover { .. }
            | Message::DiscoverResource { .. }
            | Message::FindApi { .. }
            | Message::Register { .. } => self.sign_in(message),
            message => self.ask(message),
        }
    }

    /// Signing in at a server.
    fn sign_in(&self, message: Message) {
        match message {
            Message::BeginSignIn { call, session, asked } => {
                self.spawn(call, session, move |on| sign_in::begin(on, *asked));
            }
            Message::FinishSignIn { call, session, pending, callback } => {
                self.spawn(call, session, move |on| sign_in::finish(on, pending, callback));
            }
            Message::Redeem { call, session, pending, callback, key } => {
                let redeemed = self.redeemed.clone();
                self.spawn(call, session, move |on| redeemed.redeem(call, on, pending, callback, key));
            }
            Message::TakeRedeemed { call, session, redeemed } => {
                let all = self.redeemed.clone();
                self.spawn(call, session, move |on| async move { all.take(redeemed, on).await });
            }
            Message::Loopback { call, session, asked } => {
                self.spawn(call, session, move |on| async move { sign_in::loopback(&on, &asked) });
            }
            Message::CallbackReceived { call, pending, redirect_uri, head } => {
                let answer = sign_in::received(&pending, &redirect_uri, &head);
                self.say_done(call, answer.as_ref().map(Clone::clone));
            }
            Message::SignInWithDevice { call, session, asked } => {
                let outbox = self.outbox.clone();
                self.spawn(call, session, move |on| sign_in::with_device(on, call, *asked, outbox));
            }
            Message::SignInByGrant { call, session, grant } => {
                self.spawn(call, session, move |on| sign_in::by_grant(on, grant));
            }
            Message::Discover { call, session, issuer } => {
                self.run(call, sign_in::discovered(issuer, session, self.host.clone(), self.outbox.clone()));
            }
            Message::DiscoverResource { call, session, resource } => {
                let (host, outbox) = (self.host.clone(), self.outbox.clone());
                self.run(call, sign_in::discovered_resource(resource, session, host, outbox));
            }
            Message::FindApi { call, session, asked, store } => {
                let (host, outbox) = (self.host.clone(), self.outbox.clone());
                self.run(call, sign_in::found_api(*asked, store, session, host, outbox));
            }
            Message::Register { call, session, server, client } => {
                let (host, outbox) = (self.host.clone(), self.outbox.clone());
                self.run(call, sign_in::registered(server, client, session, host, outbox));
            }
            _ => {}
        }
    }

    /// What is answered once it is known.
    fn ask(&self, message: Message) {
        match message {
            Message::Token { call, session, min_life_ms } => {
                self.spawn(call, session, move |on| async move {
                    let life = min_life_ms.map(Duration::from_millis);
                    let token = match life {
                        Some(life) => on.token_living(life).await?,
                        None => on.token().await?,
                    };
                    Ok(shown::token(&token))
                })
            }
            Message::TokenIfValid { call, session } => self.tagged(call, session),
            Message::Refresh { call, session } => {
                self.spawn(call, session, move |on| async move { Ok(shown::token(&on.refresh().await?)) });
            }
            Message::ForceRefresh { call, session } => {
                self.spawn(
                    call,
                    session,
                    move |on| async move { Ok(shown::token(&on.force_refresh().await?)) },
                );
            }
            Message::SignIn { call, session, credential } => {
                self.spawn(call, session, move |on| async move {
                    on.sign_in(credential.checked()?).await?;
                    Ok(Value::Null)
                });
            }
            Message::SignOut { call, session, revoke } => self.spawn(call, session, move |on| async move {
                if !revoke {
                    on.sign_out().await?;
                    return Ok(Value::Null);
                }
                Ok(match on.sign_out_and_revoke().await? {
                    Revocation::Done => Value::Bool(true),
                    Revocation::NotOffered => Value::Null,
                    _ => Value::Bool(false),
                })
            }),
            Message::Status { call, session, fresh } => self.spawn(call, session, move |on| async move {
                Ok(shown::status(if fresh { on.fresh_status().await? } else { on.status() }))
            }),
            Message::Stats { call, session } => {
                self.spawn(call, session, |on| async move { Ok(shown::stats(&on)) });
            }
            Message::Shutdown { call, session, ms } => self.spawn(call, session, move |on| async move {
                Ok(json!({ "settled": on.shutdown(Duration::from_millis(ms)).await }))
            }),
            Message::Begin { call, request } => self.begin(call, *request),
            Message::Failed { call, request, error, sent } => {
                let requests = self.requests.clone();
                let sent = if sent { Sent::Maybe } else { Sent::No };
                let cause = TransportError::new(sent, error);
                self.run(call, async move { requests.failed(request, cause).await });
            }
            Message::Passed { call, request, response } => match self.requests.passed(request, &response) {
                Ok(said) => self.say_done(call, Ok(said)),
                Err(error) => self.say_done(call, Err(&error)),
            },
            Message::Answered { call, request, response } => {
                let requests = self.requests.clone();
                self.run(call, async move { requests.answered(request, response).await });
            }
            Message::MayTravel { call, names } => {
                let may = names.into_iter().filter(|name| rekindle_bindings::call::may_travel(name));
                self.say_done(call, Ok(may.collect::<Vec<_>>().into()));
            }
            Message::Redirected { call, request, status, headers } => {
                let hop = self.requests.redirected(request, status, &headers);
                match hop {
                    Ok(hop) => self.say_done(call, Ok(hop)),
                    Err(error) => self.say_done(call, Err(&error)),
                }
            }
            _ => {}
        }
    }

    fn begin(&self, call: u64, request: Beginning) {
        let owner = match (request.client, request.session) {
            (Some(client), _) => lock(&self.clients).get(&client).cloned().map(Owner::Client),
            (None, Some(session)) => self.session(session).map(Owner::Session),
            (None, None) => None,
        };
        let Some(owner) = owner else {
            return self.fault(Some(call), "there is no such session or client");
        };
        let sent_with = request.session.zip(request.sent_with).and_then(|(session, tag)| {
            lock(&self.sessions).get(&session).and_then(|hosted| hosted.token_of(tag))
        });
        let (requests, host, outbox) = (self.requests.clone(), self.host.clone(), self.outbox.clone());
        self.run(call, async move { requests.begin(owner, request, sent_with, &host, &outbox).await });
    }

    fn session(&self, number: u32) -> Option<Session> {
        lock(&self.sessions).get(&number).map(|hosted| hosted.session.clone())
    }

    fn tagged(&self, call: u64, session: u32) {
        let mut sessions = lock(&self.sessions);
        let shown = sessions.get_mut(&session).map(|hosted| {
            let tag = hosted.tag();
            hosted.tagged.back().filter(|_| tag != 0).map(|(_, token)| {
                let mut shown = shown::token(token);
                shown["tag"] = tag.into();
                shown
            })
        });
        drop(sessions);
        self.say_done(call, Ok(shown.flatten().unwrap_or_default()));
    }

    fn spawn<F>(&self, call: u64, session: u32, work: impl FnOnce(Session) -> F)
    where
        F: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        match self.session(session) {
            Some(session) => self.run(call, work(session)),
            None => self.no_session(call, session),
        }
    }

    fn no_session(&self, call: u64, session: u32) {
        self.fault(Some(call), &format!("there is no session {session}"));
    }

    fn run(&self, call: u64, work: impl Future<Output = Result<Value, Error>> + Send + 'static) {
        self.run_boxed(call, Box::pin(work));
    }

    /// Compiled once for all kinds of work: a copy for each made the module a twentieth larger.
    fn run_boxed(&self, call: u64, work: Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>) {
        let (handle, registration) = AbortHandle::new_pair();
        lock(&self.waiting).insert(call, handle);
        let (outbox, waiting) = (self.outbox.clone(), self.waiting.clone());
        self.host.spawn(async move {
            let done = Abortable::new(work, registration).await;
            lock(&waiting).remove(&call);
            match done {
                Ok(Ok(value)) => outbox.say(shown::done(call, Ok(value), outbox.spelling())),
                Ok(Err(error)) => outbox.say(shown::done(call, Err(&error), outbox.spelling())),
                Err(_) => {}
            }
        });
    }

    fn say_done(&self, call: u64, done: Result<Value, &Error>) {
        self.outbox.say(shown::done(call, done, self.outbox.spelling()));
    }

    /// A message that makes no sense: the host's mistake.
    fn fault(&self, call: Option<u64>, why: &str) {
        match call {
            Some(call) => self.refuse(call, why),
            None => self.outbox.say(json!({ "effect": "fault", "message": why })),
        }
    }

    fn refuse(&self, call: u64, why: &str) {
        self.say_done(call, Err(&Error::new(ErrorKind::Misuse, format!("message: {why}"))));
    }
}

impl Hosted {
    /// A new number with each new token.
    fn tag(&mut self) -> u32 {
        let Some(token) = self.session.token_if_valid() else { return 0 };
        let same = |(_, old): &(u32, Token)| std::ptr::eq(old.authorization(), token.authorization());
        if !self.tagged.back().is_some_and(same) {
            self.tag = self.tag % (TURN - 1) + 1;
            // Cloned, as a borrowed one is for a moment.
            self.tagged.push_back((self.tag, token.clone()));
            if self.tagged.len() > TAGGED {
                self.tagged.pop_front();
            }
        }
        self.tag
    }

    /// What was sent with an older one was sent with a token that is replaced: any such will do.
    fn token_of(&self, tag: u32) -> Option<Token> {
        let found = self.tagged.iter().find(|(known, _)| *known == tag);
        found.or_else(|| self.tagged.front()).map(|(_, token)| token.clone())
    }
}

/// A time that is no number is the beginning.
fn now(mono_ms: f64, wall_ms: f64) -> Now {
    let mono = Duration::try_from_secs_f64(mono_ms / 1_000.0).unwrap_or_default();
    Now { mono, wall: Wall(wall_ms as i64) }
}
