//! The four ways of speaking that the seeds show.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::AuthConfig;
use super::model::{Call, Checked, Rotation, Tokens};
use crate::answer::Answer;
use crate::http::Request;

/// How a server says "expired", and how it is asked for a new token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedDialect {
    /// 401 `{"error":"token_expired"}`; `POST /refresh` with `{"refreshToken"}`.
    #[default]
    Json,
    /// 401 without a reason; `POST /api/token/refresh` with `{"refreshToken"}`.
    ApiToken,
    /// 401 with a challenge; `POST /oauth/token` with a form and the client in it; `POST /oauth/revoke`.
    #[serde(rename = "oauth")]
    OAuth,
    /// As `OAuth`, but the API says 400 `{"error":"token_expired"}`.
    #[serde(rename = "oauth_400")]
    OAuth400,
    /// `POST /`: `UNAUTHENTICATED` in `errors[]`; `mutation { refreshToken(..) }`, its token in the variables or
    /// in the query.
    #[serde(rename = "graphql")]
    GraphQl,
}

/// What a request wants.
pub(super) enum Route {
    Refresh(String),
    Revoke(String),
    Api(Call),
    /// It can't be understood, or may not ask.
    Refuse(Answer),
}

pub(super) fn route(config: &AuthConfig, request: &Request) -> Route {
    use SeedDialect::{ApiToken, GraphQl, Json, OAuth, OAuth400};
    match (config.dialect, request.method.as_str(), request.path()) {
        (Json, "POST", "/refresh") | (ApiToken, "POST", "/api/token/refresh") => json_refresh(request),
        (OAuth | OAuth400, "POST", "/oauth/token") => {
            Form::read(config, request).map_or_else(Route::Refuse, |form| oauth_refresh(&form))
        }
        (OAuth | OAuth400, "POST", "/oauth/revoke") => {
            Form::read(config, request).map_or_else(Route::Refuse, |form| oauth_revoke(&form))
        }
        (GraphQl, "POST", _) => graphql(request),
        (GraphQl, ..) => Route::Refuse(Answer::empty(405)),
        (_, method, path) => Route::Api(Call {
            has_side_effect: !matches!(method, "GET" | "HEAD" | "OPTIONS"),
            is_out_of_scope: path.starts_with("/admin"),
        }),
    }
}

pub(super) fn refresh_answer(config: &AuthConfig, granted: Option<&Tokens>) -> Answer {
    match (config.dialect, granted) {
        (SeedDialect::Json, None) => Answer::json(401, &json!({"error": "invalid_refresh_token"})),
        (SeedDialect::ApiToken, None) => Answer::json(401, &json!({"message": "Invalid refresh token"})),
        (SeedDialect::OAuth | SeedDialect::OAuth400, None) => Answer::json(
            400,
            &json!({"error": "invalid_grant",
                "error_description": "The authorization grant is invalid, expired, or revoked"}),
        ),
        (SeedDialect::GraphQl, None) => {
            let error = graphql_error("Invalid refresh token", "UNAUTHENTICATED");
            Answer::json(config.graphql_error_status, &error)
        }
        (SeedDialect::Json | SeedDialect::ApiToken, Some(tokens)) => {
            Answer::json(200, &camel(config, tokens, config.tell_lifetime))
        }
        (SeedDialect::OAuth | SeedDialect::OAuth400, Some(tokens)) => {
            Answer::json(200, &snake(config, tokens)).with("cache-control", "no-store")
        }
        (SeedDialect::GraphQl, Some(tokens)) => {
            Answer::json(200, &json!({"data": {"refreshToken": camel(config, tokens, true)}}))
        }
    }
}

pub(super) fn api_answer(config: &AuthConfig, request: &Request, checked: Checked) -> Answer {
    match config.dialect {
        SeedDialect::GraphQl => graphql_answer(config, checked),
        _ if checked == Checked::Accepted => accepted(request),
        SeedDialect::Json => Answer::json(status(checked), &json!({"error": json_word(checked)})),
        SeedDialect::ApiToken => Answer::json(status(checked), &json!({"message": "Unauthorized"})),
        SeedDialect::OAuth400 if checked == Checked::Expired => {
            Answer::json(400, &json!({"error": "token_expired"}))
        }
        SeedDialect::OAuth | SeedDialect::OAuth400 => challenge(checked),
    }
}

fn accepted(request: &Request) -> Answer {
    let (method, path, bytes) = (&request.method, request.path(), request.body.len());
    Answer::json(200, &json!({"ok": true, "method": method, "path": path, "body_bytes": bytes}))
}

fn status(checked: Checked) -> u16 {
    if checked == Checked::OutOfScope { 403 } else { 401 }
}

fn json_word(checked: Checked) -> &'static str {
    match checked {
        Checked::Accepted => "none",
        Checked::Missing => "missing_token",
        Checked::Unknown => "invalid_token",
        Checked::Expired => "token_expired",
        Checked::Revoked => "token_revoked",
        Checked::OutOfScope => "insufficient_scope",
    }
}

fn challenge(checked: Checked) -> Answer {
    let (error, description) = match checked {
        // RFC 6750 3.1: a request without a token gets no error code.
        Checked::Missing | Checked::Accepted => {
            return Answer::empty(401).with("www-authenticate", "Bearer realm=\"test\"");
        }
        Checked::Unknown => ("invalid_token", "The access token is malformed"),
        Checked::Expired => ("invalid_token", "The access token expired"),
        Checked::Revoked => ("invalid_token", "The access token was revoked"),
        Checked::OutOfScope => ("insufficient_scope", "The request requires higher privileges"),
    };
    let challenge = format!("Bearer realm=\"test\", error=\"{error}\", error_description=\"{description}\"");
    Answer::json(status(checked), &json!({"error": error})).with("www-authenticate", &challenge)
}

fn graphql_answer(config: &AuthConfig, checked: Checked) -> Answer {
    let error = match checked {
        Checked::Accepted => {
            let students = json!([{"id": "1", "fullName": "Student One", "classroomName": "1a"}]);
            return Answer::json(200, &json!({"data": {"ok": true, "students": students}}));
        }
        Checked::OutOfScope => graphql_error("Not allowed", "FORBIDDEN"),
        _ => graphql_error("Authentication required", "UNAUTHENTICATED"),
    };
    Answer::json(config.graphql_error_status, &error)
}

fn graphql_error(message: &str, code: &str) -> Value {
    json!({"errors": [{"message": message, "extensions": {"code": code}}]})
}

fn camel(config: &AuthConfig, tokens: &Tokens, tell_lifetime: bool) -> Value {
    let mut body = json!({"accessToken": tokens.access_token});
    if config.rotation != Rotation::None {
        body["refreshToken"] = tokens.refresh_token.clone().into();
    }
    if tell_lifetime {
        body["expiresIn"] = tokens.expires_in.into();
    }
    body
}

fn snake(config: &AuthConfig, tokens: &Tokens) -> Value {
    let mut body = json!({
        "access_token": tokens.access_token, "token_type": "Bearer", "expires_in": tokens.expires_in});
    if config.rotation != Rotation::None {
        body["refresh_token"] = tokens.refresh_token.clone().into();
    }
    body
}

fn json_refresh(request: &Request) -> Route {
    let token = request.json().and_then(|body| body["refreshToken"].as_str().map(str::to_owned));
    token.map_or_else(|| Route::Refuse(Answer::json(400, &json!({"error": "bad_request"}))), Route::Refresh)
}

/// The fields of a form, if its client may ask.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(config: &AuthConfig, request: &Request) -> Result<Self, Answer> {
        let media_type = request.header("content-type").unwrap_or_default();
        if !media_type.starts_with("application/x-www-form-urlencoded") {
            return Err(oauth_error(400, "invalid_request"));
        }
        let form = Self(url::form_urlencoded::parse(&request.body).into_owned().collect());
        let client = form.client(request);
        let is_known = client == Some((config.client_id.clone(), config.client_secret.clone()));
        if is_known { Ok(form) } else { Err(oauth_error(401, "invalid_client")) }
    }

    fn field(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// Id and secret, from the body or by HTTP Basic.
    fn client(&self, request: &Request) -> Option<(String, String)> {
        let in_body = self.field("client_id");
        in_body.map(|id| (id, self.field("client_secret").unwrap_or_default())).or_else(|| basic(request))
    }
}

fn basic(request: &Request) -> Option<(String, String)> {
    let credentials = request.header("authorization")?.strip_prefix("Basic ")?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(credentials).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

/// RFC 6749 2.3.1: both are form-encoded before Base64.
fn form_decoded(word: &str) -> String {
    let pair = url::form_urlencoded::parse(word.as_bytes()).next();
    pair.map(|(key, _)| key.into_owned()).unwrap_or_default()
}

fn oauth_refresh(form: &Form) -> Route {
    match (form.field("grant_type").as_deref(), form.field("refresh_token")) {
        (Some("refresh_token"), Some(token)) => Route::Refresh(token),
        (Some("refresh_token"), None) => Route::Refuse(oauth_error(400, "invalid_request")),
        _ => Route::Refuse(oauth_error(400, "unsupported_grant_type")),
    }
}

fn oauth_revoke(form: &Form) -> Route {
    // RFC 7009 2.2: a token that is not known is revoked already.
    Route::Revoke(form.field("token").unwrap_or_default())
}

fn oauth_error(status: u16, error: &str) -> Answer {
    Answer::json(status, &json!({ "error": error }))
}

fn graphql(request: &Request) -> Route {
    let body = request.json().unwrap_or(Value::Null);
    let Some(query) = body["query"].as_str() else {
        return Route::Refuse(Answer::json(400, &graphql_error("There is no query", "BAD_REQUEST")));
    };
    if query.contains("refreshToken(") {
        return Route::Refresh(refresh_token_of(query, &body["variables"]));
    }
    Route::Api(Call {
        has_side_effect: is_mutation(query, body["operationName"].as_str()),
        is_out_of_scope: query.contains("admin"),
    })
}

/// The only text among the variables, or the first in the query.
fn refresh_token_of(query: &str, variables: &Value) -> String {
    let from_variables = variables.as_object().and_then(|v| v.values().find_map(Value::as_str));
    let in_query = query.split("refreshToken(").nth(1).and_then(|rest| rest.split('"').nth(1));
    from_variables.or(in_query).unwrap_or_default().to_owned()
}

/// Good for the documents of tests: operations by name, no comments.
fn is_mutation(query: &str, operation: Option<&str>) -> bool {
    match operation {
        Some(name) => query.contains(&format!("mutation {name}")),
        None => query.trim_start().starts_with("mutation"),
    }
}
