//! Every preset against its fixture: what it sends, and what it makes of answers and API responses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rekindle_proto::dialect::{Answer, ClientIdentity};
use rekindle_proto::machine::Entropy;
use rekindle_proto::sign_in::{SignIn, SignInGrant};
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
    sign_in: Option<SignsIn>,
    password: Option<Sent>,
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

/// Where its users sign in, and what it asks them for by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignsIn {
    url: String,
    issuer: Option<String>,
    #[serde(default)]
    names_itself: bool,
    device: Option<String>,
    loopback_host: Option<String>,
    id_token_issuer: Option<String>,
    /// The parameters that are the preset's own.
    #[serde(default)]
    asks: BTreeMap<String, String>,
    /// The token request with the code.
    code: Option<Value>,
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
        let refresh = GrantRequest::RefreshToken { refresh_token, scope: None, extra, access_token: None };
        let request = dialect.token_request(&identity, &refresh).unwrap();
        assert_sent(name, &request, fixture.refresh.as_ref().unwrap());
        let revocation = dialect.revoke_request(&identity, &token).unwrap();
        assert_eq!(revocation.is_some(), fixture.revoke.is_some(), "{name}: revocation");
        if let (Some(request), Some(expected)) = (&revocation, &fixture.revoke) {
            assert_sent(name, request, expected);
        }
    }
}

/// Of every authorization request, whatever the preset (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
const ALWAYS: [&str; 6] =
    ["response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"];

// spec 12.1
#[test]
fn every_preset_that_signs_in_asks_on_https_with_pkce_by_s256() {
    for name in Dialect::preset_names() {
        let (dialect, fixture) = (Dialect::preset(name).unwrap(), fixture(name));
        let identity = identity(&fixture.identity);
        let Ok(server) = dialect.sign_in_server(&identity, None) else {
            assert!(fixture.sign_in.is_none(), "{name} has no [sign_in]");
            continue;
        };
        let expected = fixture.sign_in.unwrap_or_else(|| panic!("{name}: its fixture has no `sign_in`"));
        assert_eq!(server.issuer, expected.issuer, "{name}");
        assert_eq!(server.names_itself, expected.names_itself, "{name}");
        assert_eq!(server.loopback_host, expected.loopback_host, "{name}");
        assert_eq!(dialect.id_token_issuer(), expected.id_token_issuer.as_deref(), "{name}");
        let device = dialect.device_authorization_url(&identity).ok().map(String::from);
        assert_eq!(device, expected.device, "{name}");
        let asked = SignIn::new().redirect_uri("https://app.example/callback");
        let (request, _) = server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0)).unwrap();
        let url = request.url();
        let mut found: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let mut plain = url.clone();
        plain.set_query(None);
        assert_eq!(plain.as_str(), expected.url, "{name}");
        assert_eq!(url.scheme(), "https", "{name}");
        assert_eq!(found["response_type"], "code", "{name}");
        assert_eq!(found["code_challenge_method"], "S256", "{name}");
        assert_eq!(found["code_challenge"].len(), 43, "{name}");
        assert!(found["state"].len() >= 43, "{name}");
        for parameter in ALWAYS {
            assert!(found.remove(parameter).is_some(), "{name}: {parameter}");
        }
        let is_openid =
            expected.asks.get("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid"));
        assert_eq!(found.remove("nonce").is_some(), is_openid, "{name}: nonce");
        assert_eq!(found, expected.asks, "{name}");
        assert_code(name, &dialect, &identity, expected.code.as_ref());
    }
}

/// What the code is redeemed with: as RFC 6749 section 4.1.3 has it, where the fixture says nothing else.
fn assert_code(name: &str, dialect: &Dialect, identity: &ClientIdentity, expected: Option<&Value>) {
    let grant = SignInGrant::AuthorizationCode {
        code: "SENTINEL-C".into(),
        redirect_uri: "https://app.example/callback".into(),
        code_verifier: "SENTINEL-V".into(),
        resource: Vec::new(),
    };
    let request = dialect.token_request(identity, &GrantRequest::SignIn(std::sync::Arc::new(grant))).unwrap();
    let body = request.body.expose();
    let usual = "grant_type=authorization_code&code=SENTINEL-C&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
                 &code_verifier=SENTINEL-V";
    match expected {
        None => assert!(body.starts_with(usual), "{name}: {body}"),
        Some(Value::String(text)) => assert_eq!(body, text, "{name}"),
        Some(json) => assert_eq!(serde_json::from_str::<Value>(body).unwrap(), *json, "{name}"),
    }
    assert_eq!(request.url.scheme(), "https", "{name}");
    assert!(!format!("{request:?}").contains(SENTINEL), "{name} shows a secret");
}

/// The variables that a fixture fills in are the ones without which the preset says nothing, by their names.
#[test]
fn a_sign_in_without_one_of_its_variables_names_it() {
    for name in Dialect::preset_names() {
        let (dialect, fixture) = (Dialect::preset(name).unwrap(), fixture(name));
        let Some(expected) = &fixture.sign_in else { continue };
        for (variable, value) in &fixture.identity.variables {
            let mut identity = identity(&fixture.identity);
            identity.variables.remove(variable);
            match dialect.sign_in_server(&identity, None) {
                Err(mistake) => {
                    assert!(mistake.message.contains(&format!("`{variable}`")), "{name}: {mistake:?}")
                }
                // A default stands in: the fixture names another value.
                Ok(server) => {
                    assert!(expected.url.contains(value.trim_end_matches('/')), "{name}: {variable}");
                    assert!(!server.authorization_url.as_str().contains(value), "{name}: {variable}");
                }
            }
        }
    }
}

#[test]
fn every_preset_with_a_password_sends_it_as_its_fixture_shows() {
    for name in Dialect::preset_names() {
        let (dialect, fixture) = (Dialect::preset(name).unwrap(), fixture(name));
        let Ok((dialect, _)) = dialect.for_password() else {
            assert!(fixture.password.is_none(), "{name} has no [password]");
            continue;
        };
        let grant =
            SignInGrant::Password { username: "ada".into(), password: "SENTINEL-P".into(), scope: None };
        let request = dialect
            .token_request(&identity(&fixture.identity), &GrantRequest::SignIn(std::sync::Arc::new(grant)))
            .unwrap();
        assert_sent(name, &request, fixture.password.as_ref().unwrap());
        let granted = fixture.answers.first().unwrap();
        assert_eq!(outcome_text(&granted.outcome(&dialect)), granted.means, "{name}");
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
