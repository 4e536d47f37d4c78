//! Carries out one operation.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use rekindle::{Client, Error, Response};
use rekindle_test_server::Script;
use serde_json::{Map, Value, json};

use crate::case::{Act, RequestSpec, WaitFor};
use crate::matching::matches;
use crate::stage::{Kept, Stage, credential};
use crate::through::{self, Through};
use crate::{check, results, store};

/// How often something is looked at that cannot be waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What it gives; an error is a mistake of the case.
pub(crate) async fn act(stage: &Stage, session: &str, act: &Act) -> Result<Value, String> {
    match act {
        Act::NewSession { name, with } => done(stage, stage.make(name, with.clone())?).await,
        Act::Advance { .. } | Act::AdvanceToTimer { .. } | Act::JumpWall { .. } => {
            turn_clock(stage, act).await
        }
        Act::WaitFor(what) => wait_for(stage, session, what).await,
        Act::Release { .. }
        | Act::Play { .. }
        | Act::ExpireAll
        | Act::RevokeAll
        | Act::LoseAnswers { .. }
        | Act::Crash { .. }
        | Act::Store { .. } => turn(stage, act).map(|()| json!({})),
        Act::Cancel { .. } => Err("a lane cancels nothing".into()),
        _ => ask(stage, &*stage.session(session)?, act).await,
    }
}

/// What is asked of a session.
async fn ask(stage: &Stage, kept: &Kept, act: &Act) -> Result<Value, String> {
    let session = &kept.session;
    match act {
        Act::Request(spec) if stage.through != Through::Client => {
            through::send(stage, session, spec, stage.through).await
        }
        Act::Request(spec) => Ok(match send(&kept.client, spec).await {
            Ok(response) => results::response(stage, response).await,
            Err(error) => results::error(stage, error).await,
        }),
        Act::Graphql { query, variables } => {
            Ok(match kept.client.graphql::<Value>(query, variables.clone()).await {
                Ok(data) => json!({ "data": data }),
                Err(error) => results::error(stage, error).await,
            })
        }
        Act::Token { if_valid: true, .. } => Ok(results::token(stage, session.token_if_valid())),
        Act::Token { min_life_ms: Some(ms), .. } => {
            token(stage, session.token_living(Duration::from_millis(*ms)).await).await
        }
        Act::Token { .. } => token(stage, session.token().await).await,
        Act::Refresh { force: false } => token(stage, session.refresh().await).await,
        Act::Refresh { force: true } => token(stage, session.force_refresh().await).await,
        Act::Invalidate => {
            session.invalidate();
            Ok(json!({}))
        }
        Act::SignIn { credential: written } => {
            let given = written.as_ref().map_or_else(|| stage.usual(), credential);
            done(stage, session.sign_in(given).await).await
        }
        Act::Shutdown { ms } => {
            let settled = session.shutdown(Duration::from_millis(*ms)).await;
            Ok(json!({ "settled": settled }))
        }
        Act::SignOut => done(stage, session.sign_out().await).await,
        Act::Status { fresh: true } => Ok(match session.fresh_status().await {
            Ok(status) => results::status(stage, &status),
            Err(error) => results::error(stage, error).await,
        }),
        Act::Status { .. } => Ok(results::status(stage, &session.status())),
        other => Err(format!("not an operation of a session: {other:?}")),
    }
}

async fn token(stage: &Stage, token: Result<rekindle::Token, Error>) -> Result<Value, String> {
    Ok(match token {
        Ok(token) => results::token(stage, Some(token)),
        Err(error) => results::error(stage, error).await,
    })
}

async fn done(stage: &Stage, done: Result<(), Error>) -> Result<Value, String> {
    Ok(match done {
        Ok(()) => json!({}),
        Err(error) => results::error(stage, error).await,
    })
}

async fn send(client: &Client, spec: &RequestSpec) -> Result<Response, Error> {
    let method = spec.method.as_deref().unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
    let mut request = client.request(method, &spec.url);
    for (name, value) in &spec.headers {
        request = request.header(name, value);
    }
    if let Some(json) = &spec.json {
        request = request.json(json);
    }
    if let Some(form) = &spec.form {
        request = request.form(form);
    }
    if let Some(text) = &spec.text {
        request = request.body(text.clone());
    }
    if let Some(text) = &spec.stream {
        let chunk: Result<Bytes, std::io::Error> = Ok(Bytes::from(text.clone()));
        request = request.body_stream(futures_util::stream::iter([chunk]));
    }
    if let Some(ms) = spec.timeout_ms {
        request = request.timeout(Duration::from_millis(ms));
    }
    if let Some(key) = &spec.idempotency_key {
        request = request.idempotency_key(key);
    }
    if spec.streamed {
        request = request.streamed();
    }
    if let Some(follow) = spec.follow_redirects {
        request = request.follow_redirects(follow);
    }
    request.send().await
}

async fn turn_clock(stage: &Stage, act: &Act) -> Result<Value, String> {
    match act {
        Act::Advance { ms } => stage.time.advance(Duration::from_millis(*ms)),
        Act::JumpWall { by_ms } => stage.time.jump_wall(*by_ms),
        Act::AdvanceToTimer { within_ms } => {
            let left = loop {
                if let Some(left) = next_timer(stage, *within_ms) {
                    break left;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            };
            stage.time.advance(left);
        }
        _ => {}
    }
    Ok(json!({}))
}

/// How long until the next timer, if that is not longer than this.
fn next_timer(stage: &Stage, within_ms: u64) -> Option<Duration> {
    let left = stage.time.left()?;
    (left <= Duration::from_millis(within_ms)).then_some(left)
}

fn turn(stage: &Stage, act: &Act) -> Result<(), String> {
    match act {
        Act::Release { name } => stage.server.bare().release(name),
        Act::Play { steps } => stage.server.bare().play(Script { steps: steps.clone() }),
        Act::ExpireAll => stage.server.model()?.expire_all_access_tokens(),
        Act::RevokeAll => stage.server.model()?.revoke_all(),
        Act::Crash { of } => stage.session(of)?.life.end(),
        Act::LoseAnswers { answers } => stage.server.model()?.lose_answers(*answers),
        Act::Store { load, save, damage } => {
            stage.store.set(*load, *save);
            match damage {
                Some(how) if stage.store.record().is_some() => stage.store.damage(*how),
                Some(how) => store::damage_file(&stage.path(), *how)?,
                None => {}
            }
        }
        _ => {}
    }
    Ok(())
}

async fn wait_for(stage: &Stage, session: &str, what: &WaitFor) -> Result<Value, String> {
    let kept = stage.session(session)?;
    while !has_come(stage, &kept, what) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(json!({}))
}

fn has_come(stage: &Stage, kept: &Kept, what: &WaitFor) -> bool {
    let fits = |pattern: &Value, actual: &Value| matches(pattern, actual, "").is_ok();
    let requests = what.requests.is_none_or(|least| {
        let log = stage.server.bare().log();
        log.iter().filter(|one| what.path.as_ref().is_none_or(|path| one.path == *path)).count() >= least
    });
    let event = what.event.as_ref().is_none_or(|pattern| {
        let pattern = check::event_pattern(pattern);
        stage.heard(kept).iter().any(|event| fits(&pattern, event))
    });
    let counters =
        what.counters.as_ref().is_none_or(|pattern| fits(pattern, &results::counters(&kept.session)));
    let status = what
        .status
        .as_ref()
        .is_none_or(|pattern| fits(pattern, &results::status(stage, &kept.session.status())));
    let stored = what.stored.as_ref().is_none_or(|pattern| fits(pattern, &stored(stage)));
    let timer = what.timer_within_ms.is_none_or(|within| next_timer(stage, within).is_some());
    let none_sooner = what.timer_beyond_ms.is_none_or(|beyond| next_timer(stage, beyond).is_none());
    requests && event && counters && status && stored && timer && none_sooner
}

/// What is in the store that sessions share.
pub(crate) fn stored(stage: &Stage) -> Value {
    let mut told = Map::new();
    let path = stage.path();
    let text = stage.store.record().or_else(|| std::fs::read_to_string(&path).ok());
    told.insert("present".into(), text.is_some().into());
    if let Some(text) = text {
        told.insert("text".into(), text.into());
    }
    #[cfg(unix)]
    if let Ok(about) = std::fs::metadata(&path) {
        use std::os::unix::fs::PermissionsExt as _;
        told.insert("mode".into(), format!("{:04o}", about.permissions().mode() & 0o7777).into());
    }
    told.into()
}
