//! Every preset against its fixture: what it sends, and what it makes of answers and API responses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rekindle_proto::dialect::{Answer, ClientIdentity};
use rekindle_proto::{
    Dialect, Exchange, GrantRequest, Operation, Outcome, Secret, TokenResponse, Verdict, Wall,
};
use serde::Deserialize;
use serde_json::Value;

/// Stands in every token of the fixtures, and in nothing that is shown.
const SENTINEL: &str = "SENTINEL";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    #[serde(default)]
    identity: Identity,
    refresh: Option<Sent>,
    revoke: Option<Sent>,
    answers: Vec<Case>,
    api: Vec<Case>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Identity {
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    operation: String,
    means: String,
}

fn fixture(name: &str) -> Fixture {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("preset {name} has no fixture"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn identity(of: &Identity) -> ClientIdentity {
    ClientIdentity {
        revocation_url: None,
        token_url: of.token_url.as_deref().map(|url| url.parse().unwrap()),
        client_id: of.client_id.clone(),
        client_secret: of.client_secret.clone().map(Secret::from),
        client_assertion: None,
        variables: of.variables.clone(),
    }
}

impl Case {
    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): (&String, &String)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
        };
        self.headers.iter().map(pair).collect()
    }

    fn body(&self) -> Vec<u8> {
        match &self.body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        }
    }

    fn outcome(&self, dialect: &Dialect) -> Outcome {
        dialect.outcome(&Answer {
            status: StatusCode::from_u16(self.status).unwrap(),
            headers: &self.headers(),
            body: &self.body(),
            sent_at: Wall(1_795_219_200_000),
            received_at: Wall(1_795_219_200_500),
        })
    }

    fn verdict(&self, dialect: &Dialect) -> Verdict {
        dialect.judge(&Exchange {
            method: &Method::GET,
            url: &"https://api.example/data".parse().unwrap(),
            operation: match self.operation.as_str() {
                "query" => Operation::GraphqlQuery,
                "mutation" => Operation::GraphqlMutation,
                _ => Operation::Http,
            },
            replayable: true,
            status: StatusCode::from_u16(self.status).unwrap(),
            headers: &self.headers(),
            body: &self.body(),
        })
    }
}

fn seconds(after: Option<Duration>) -> String {
    after.map_or_else(|| "-".into(), |after| after.as_secs_f64().to_string())
}

fn granted(grant: &TokenResponse) -> String {
    let refresh = grant.refresh_token.as_ref().map_or("kept", Secret::expose);
    let extra: Vec<_> = grant.extra.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let words = [
        grant.access_token.expose().to_owned(),
        refresh.to_owned(),
        if grant.expired_on_arrival { "expired".into() } else { seconds(grant.lifetime) },
        seconds(grant.refresh_token_lifetime),
        extra.join(","),
    ];
    format!("granted {}", words.join(" ")).trim_end().to_owned()
}

fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Granted(grant) => granted(grant),
        Outcome::Dead(reason) => format!("dead {}", serde_json::to_value(reason).unwrap().as_str().unwrap()),
        Outcome::LostRace => "lost_race".into(),
        Outcome::RetrySame { after } => format!("retry_same {}", seconds(*after)),
        Outcome::RateLimited { after } => format!("rate_limited {}", seconds(*after)),
        Outcome::StepUp(_) => "step_up".into(),
        Outcome::ClientConfig { error } => format!("client_config {error}"),
        Outcome::Lost(_) => "lost".into(),
        Outcome::Unknown { status } => format!("unknown {status}"),
        other => format!("{other:?}"),
    }
}

fn verdict_text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Expired { reason, applied } => format!("expired {reason:?} {applied:?}").to_lowercase(),
        Verdict::InsufficientScope { scope } => {
            format!("insufficient_scope {}", scope.as_deref().unwrap_or("-"))
        }
        Verdict::StepUp(step_up) => format!("step_up {}", step_up.claims.as_deref().unwrap_or("-")),
        Verdict::RateLimited { after } | Verdict::Unavailable { after } => {
            format!("{} {}", verdict.name(), seconds(*after))
        }
        other => other.name().into(),
    }
}

#[test]
fn every_preset_answers_its_fixture() {
    let mut wrong = Vec::new();
    for name in Dialect::preset_names() {
        let (dialect, fixture) = (Dialect::preset(name).unwrap(), fixture(name));
        assert!(!fixture.answers.is_empty() && !fixture.api.is_empty(), "{name}: a fixture has both sides");
        let answers = fixture.answers.iter().map(|case| (case, outcome_text(&case.outcome(&dialect))));
        let api = fixture.api.iter().map(|case| (case, verdict_text(&case.verdict(&dialect))));
        for (case, found) in answers.chain(api).filter(|(case, found)| case.means != *found) {
            wrong.push(format!("{name}: {}: {found}, not {}", case.why, case.means));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_preset_asks_as_its_fixture_shows() {
    for name in Dialect::preset_names() {
        let (dialect, fixture) = (Dialect::preset(name).unwrap(), fixture(name));
        let identity = identity(&fixture.identity);
        let token = Secret::new("SENTINEL-R");
        let (refresh_token, extra) = (token.clone(), BTreeMap::new());
        let refresh = GrantRequest::RefreshToken { refresh_token, scope: None, extra };
        let request = dialect.token_request(&identity, &refresh).unwrap();
        assert_sent(name, &request, fixture.refresh.as_ref().unwrap());
        let revocation = dialect.revoke_request(&identity, &token).unwrap();
        assert_eq!(revocation.is_some(), fixture.revoke.is_some(), "{name}: revocation");
        if let (Some(request), Some(expected)) = (&revocation, &fixture.revoke) {
            assert_sent(name, request, expected);
        }
    }
}

fn assert_sent(name: &str, request: &rekindle_proto::dialect::TokenRequest, expected: &Sent) {
    assert_eq!(request.method, Method::POST, "{name}");
    assert_eq!(request.url.as_str(), expected.url, "{name}");
    let body = request.body.expose();
    match &expected.body {
        Value::String(text) => assert_eq!(body, text, "{name}"),
        json => assert_eq!(serde_json::from_str::<Value>(body).unwrap(), *json, "{name}"),
    }
    for (header, value) in &expected.headers {
        assert_eq!(request.headers.get(header).unwrap(), value, "{name}: {header}");
    }
    assert!(!format!("{request:?}").contains(SENTINEL), "{name} shows a secret");
}

#[test]
fn no_secret_is_shown_by_what_a_preset_finds() {
    for name in Dialect::preset_names() {
        let (dialect, fixture) = (Dialect::preset(name).unwrap(), fixture(name));
        for case in &fixture.answers {
            let shown = format!(
                "{:?} {dialect:?} {:?}",
                case.outcome(&dialect),
                dialect.server_message(&case.body(), &[])
            );
            assert!(!shown.contains(SENTINEL), "{name}: {}", case.why);
        }
        for case in &fixture.api {
            let shown = format!(
                "{:?} {:?} {}",
                case.verdict(&dialect),
                dialect.server_message(&case.body(), &[]),
                dialect.redact(&case.body(), &[])
            );
            assert!(!shown.contains(SENTINEL), "{name}: {}", case.why);
        }
    }
}

#[test]
fn every_fixture_belongs_to_a_preset() {
    let folder = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(Dialect::preset_names().any(|one| one == name), "{name}");
    }
}

#[test]
fn every_preset_file_is_listed() {
    let folder = format!("{}/presets", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, Dialect::preset_names().count());
    assert_eq!(files, Dialect::presets().count());
}
