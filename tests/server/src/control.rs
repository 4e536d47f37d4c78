//! What other languages do to the server: the methods of the Rust handles, as paths that begin with `/__`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

use crate::AuthConfig;
use crate::answer::Answer;
use crate::http::Request;
use crate::script::Script;
use crate::server::Shared;

pub(crate) async fn answer(shared: &Shared, request: &Request) -> Answer {
    match answer_or_why(shared, request).await {
        Ok(answer) => answer,
        Err(why) => Answer::json(400, &json!({ "error": why })),
    }
}

async fn answer_or_why(shared: &Shared, request: &Request) -> Result<Answer, String> {
    match (request.method.as_str(), request.path()) {
        ("POST", "/__script") => play(shared, read(request)?),
        ("POST", "/__release") => Ok(release(shared, &read(request)?)),
        ("POST", "/__auth") => Ok(set_auth(shared, read(request)?)),
        ("GET", "/__log") => log(shared, request).await,
        ("GET", "/__consumed") => Ok(consumed(shared)),
        (method, path) => with_model(shared, method, path, request),
    }
}

/// What needs a model.
fn with_model(shared: &Shared, method: &str, path: &str, request: &Request) -> Result<Answer, String> {
    let auth = shared.auth().ok_or("there is no model: POST /__auth first, or mind the path")?;
    match (method, path) {
        ("GET", "/__counters") => return Ok(told(&auth.counters())),
        ("POST", "/__sign_in") => return Ok(told(&auth.sign_in())),
        ("POST", "/__expire_all") => auth.expire_all_access_tokens(),
        ("POST", "/__revoke_all") => auth.revoke_all(),
        ("POST", "/__knobs") => turn(&auth, &read(request)?),
        _ => return Err(format!("no such control: {method} {path}")),
    }
    Ok(done())
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Knobs {
    lose_answers: Option<u32>,
    token_latency_ms: Option<u64>,
    advance_ms: Option<u64>,
}

fn play(shared: &Shared, script: Script) -> Result<Answer, String> {
    for respond in script.steps.iter().filter_map(|step| step.respond.as_ref()) {
        respond.answer()?;
    }
    shared.stage.replace(script);
    Ok(done())
}

fn release(shared: &Shared, name: &Name) -> Answer {
    shared.stage.release(&name.name);
    done()
}

fn set_auth(shared: &Shared, config: AuthConfig) -> Answer {
    shared.set_auth(config);
    done()
}

async fn log(shared: &Shared, request: &Request) -> Result<Answer, String> {
    if let Some(requests) = request.query("wait") {
        let requests = requests.parse().map_err(|_| "wait: give a number of requests")?;
        shared.stage.seen(requests).await;
    }
    Ok(told(&shared.stage.log()))
}

fn consumed(shared: &Shared) -> Answer {
    let complaints = shared.stage.complaints();
    let status = if complaints.is_empty() { 200 } else { 409 };
    Answer::json(status, &json!({"consumed": complaints.is_empty(), "complaints": complaints}))
}

fn turn(auth: &crate::auth::Auth, knobs: &Knobs) {
    if let Some(answers) = knobs.lose_answers {
        auth.lose_answers(answers);
    }
    if let Some(latency) = knobs.token_latency_ms {
        auth.set_token_latency(Duration::from_millis(latency));
    }
    if let Some(time) = knobs.advance_ms {
        auth.advance(Duration::from_millis(time));
    }
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

fn told(what: &impl serde::Serialize) -> Answer {
    Answer::json(200, &serde_json::to_value(what).unwrap_or(Value::Null))
}

fn done() -> Answer {
    Answer::empty(204)
}
