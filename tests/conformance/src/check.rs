//! What is expected once all operations are done.

use serde_json::{Value, json};

use crate::act::stored;
use crate::case::Expect;
use crate::matching::matches;
use crate::origin::Server;
use crate::results;
use crate::stage::Stage;

/// Compares everything that the case names, and what holds for every case.
pub(crate) fn check(stage: &Stage, expect: &Expect) {
    for name in stage.names() {
        check_session(stage, &name, expect);
    }
    served(stage, "server", &stage.server, &expect.server_log);
    if let Some(other) = &stage.other {
        served(stage, "other", other, &expect.other_log);
    }
    if let Some(pattern) = &expect.model {
        let counters = stage.server.model().map(|model| json!(model.counters()));
        complain(stage, counters.and_then(|counters| matches(pattern, &counters, "model")));
    }
    if let Some(pattern) = &expect.stored {
        complain(stage, matches(pattern, &stored(stage), "stored"));
    }
}

fn check_session(stage: &Stage, name: &str, expect: &Expect) {
    let Ok(kept) = stage.session(name) else { return };
    stage.must_not_leak("a session's Debug", &format!("{:?}", kept.session));
    stage.must_not_leak("the counters", &kept.session.stats().to_prometheus());
    let heard = stage.heard(&kept);
    if let Some(events) = &expect.events {
        let wanted = events.iter().filter(|event| of_session(event) == name).flat_map(repeated);
        let wanted: Vec<Value> = wanted.map(event_pattern_of).collect();
        complain(stage, events_match(&wanted, &heard, name));
    }
    let counters = expect.counters.as_ref().and_then(|counters| match name {
        "main" => Some(counters.clone()),
        name => counters.get(name).cloned(),
    });
    if let Some(Value::Object(mut pattern)) = counters {
        pattern.retain(|_, value| !value.is_object() || value.get("$any").is_some());
        complain(
            stage,
            matches(&pattern.into(), &results::counters(&kept.session), &format!("counters of {name}")),
        );
    }
}

fn events_match(wanted: &[Value], heard: &[Value], name: &str) -> Result<(), String> {
    let names = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["name"].as_str().unwrap_or("any").to_owned()).collect()
    };
    if wanted.len() != heard.len() {
        return Err(format!("events of {name}: {:?} instead of {:?}", names(heard), names(wanted)));
    }
    let mut pairs = wanted.iter().zip(heard).enumerate();
    pairs.try_for_each(|(at, (one, other))| matches(one, other, &format!("events of {name}[{at}]")))
}

fn of_session(event: &Value) -> &str {
    event["session"].as_str().unwrap_or("main")
}

fn repeated(event: &Value) -> impl Iterator<Item = &Value> {
    let times = usize::try_from(event["times"].as_u64().unwrap_or(1)).unwrap_or(1);
    std::iter::repeat_n(event, times)
}

fn event_pattern_of(event: &Value) -> Value {
    event_pattern(event)
}

/// A name alone stands for any event of that name.
pub(crate) fn event_pattern(event: &Value) -> Value {
    match event {
        Value::String(name) => json!({ "name": name }),
        Value::Object(members) => {
            let mut members = members.clone();
            members.retain(|name, _| name != "session" && name != "times");
            members.into()
        }
        other => other.clone(),
    }
}

/// The script is used up, nothing else was asked for, and each entry was seen as often as it says.
fn served(stage: &Stage, name: &str, server: &Server, wanted: &[Value]) {
    for complaint in server.bare().complaints() {
        stage.complain(format!("{name}: {complaint}"));
    }
    let log = server.bare().log();
    let log: Vec<Value> = log.iter().map(logged).collect();
    for entry in wanted {
        let mut pattern = entry.clone();
        let count = pattern.as_object_mut().and_then(|entry| entry.remove("count"));
        let found = log.iter().filter(|request| matches(&pattern, request, "").is_ok()).count();
        complain(
            stage,
            matches(&count.unwrap_or(json!(1)), &json!(found), &format!("{name}: count of {pattern}")),
        );
    }
}

fn logged(request: &rekindle_test_server::Logged) -> Value {
    let token = request
        .authorization
        .as_deref()
        .map_or("", |value| value.split_once(' ').map_or(value, |(_, token)| token));
    let headers = request.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    json!({
        "method": request.method,
        "path": request.path,
        "target": request.target,
        "token": token,
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": request.body,
    })
}

fn complain(stage: &Stage, checked: Result<(), String>) {
    if let Err(complaint) = checked {
        stage.complain(complaint);
    }
}
