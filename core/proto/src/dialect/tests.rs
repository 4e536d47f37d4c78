//! Claims about dialects that no single vendor shows.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;
use crate::grant::{ClientCredentials, GrantRequest};
use crate::time::Wall;
use crate::verdict::{Applied, DeadReason, Exchange, ExpiredReason, Lost, Operation, Outcome, Verdict};

fn dialect(value: Value) -> Dialect {
    Dialect::from_json(&value).unwrap()
}

fn refused(value: Value) -> String {
    let failure = Dialect::from_json(&value).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::InvalidConfig);
    failure.message
}

fn request(dialect: &Dialect, identity: &ClientIdentity) -> TokenRequest {
    let scope = Some("read write".to_owned());
    dialect.token_request(identity, &refresh("a+b/c\"d", scope, BTreeMap::new())).unwrap()
}

fn refresh(token: &str, scope: Option<String>, extra: BTreeMap<String, String>) -> GrantRequest {
    GrantRequest::RefreshToken { refresh_token: token.into(), scope, extra, access_token: Some("at0".into()) }
}

fn client() -> ClientIdentity {
    ClientIdentity {
        revocation_url: None,
        token_url: "https://idp.example/token".parse().ok(),
        client_id: Some("my app".into()),
        client_secret: Some("p%ss:word".into()),
        client_assertion: None,
        variables: BTreeMap::new(),
    }
}

fn answer<'a>(status: u16, headers: &'a HeaderMap, body: &'a [u8]) -> Answer<'a> {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers, body, sent_at: Wall(0), received_at: Wall(0) }
}

fn outcome(dialect: &Dialect, status: u16, headers: &HeaderMap, body: &[u8]) -> Outcome {
    dialect.outcome(&answer(status, headers, body))
}

fn judge(dialect: &Dialect, status: u16, operation: Operation, headers: &HeaderMap, body: &[u8]) -> Verdict {
    let url = "https://api.example/".parse().unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    dialect.judge(&Exchange {
        method: &Method::POST,
        url: &url,
        operation,
        replayable: true,
        status,
        headers,
        body,
    })
}

#[test]
fn basic_encodes_id_and_secret_as_forms_before_it_joins_them() {
    let basic = dialect(json!({"token_endpoint": {"client_auth": "client_secret_basic"}}));
    let request = request(&basic, &client());
    // "my+app:p%25ss%3Aword"
    assert_eq!(request.headers[AUTHORIZATION], "Basic bXkrYXBwOnAlMjVzcyUzQXdvcmQ=");
    assert!(request.headers[AUTHORIZATION].is_sensitive());
    assert_eq!(
        request.body.expose(),
        "grant_type=refresh_token&refresh_token=a%2Bb%2Fc%22d&scope=read+write"
    );
}

#[test]
fn a_public_client_names_itself_in_the_body_and_sends_no_secret() {
    for auth in ["none", "client_secret_basic"] {
        let public = ClientIdentity { client_secret: None, ..client() };
        let sent = request(&dialect(json!({"token_endpoint": {"client_auth": auth}})), &public);
        assert!(sent.body.expose().ends_with("client_id=my+app"), "{auth}");
        assert!(!sent.headers.contains_key(AUTHORIZATION));
    }
    let none = request(&dialect(json!({"token_endpoint": {"client_auth": "none"}})), &client());
    assert!(!none.body.expose().contains("client_secret"));
}

#[test]
fn a_graphql_refresh_carries_the_token_as_a_variable() {
    let sent = request(&Dialect::preset("graphql").unwrap(), &client());
    let body: Value = serde_json::from_str(sent.body.expose()).unwrap();
    assert_eq!(body["variables"], json!({"refreshToken": "a+b/c\"d"}));
    assert!(!body["query"].as_str().unwrap().contains("a+b/c"));
    assert_eq!(sent.headers[CONTENT_TYPE], "application/json");
}

#[test]
fn extra_fields_headers_and_blanks_are_sent() {
    let spec = json!({
        "variables": {"audience": "api"},
        "token_endpoint": {"encoding": "json", "extra": {"audience": "{audience}", "remember": true, "days": 3}, "headers": {"X-Key": "{key}"}},
    });
    let mut identity = client();
    identity.variables.insert("key".into(), "k1".into());
    let sent = request(&dialect(spec.clone()), &identity);
    let body: Value = serde_json::from_str(sent.body.expose()).unwrap();
    assert_eq!(
        (&body["audience"], &body["remember"], &body["days"]),
        (&json!("api"), &json!(true), &json!(3))
    );
    assert_eq!(sent.headers["x-key"], "k1");
    assert!(sent.headers["x-key"].is_sensitive());
    let failure = dialect(spec).token_request(&client(), &refresh("r", None, BTreeMap::new())).unwrap_err();
    assert!(failure.message.contains("`key`"), "{failure}");
}

#[test]
fn what_came_with_the_last_grant_fills_blanks() {
    let spec = dialect(json!({"token_endpoint": {"extra": {"user": "{user_id}"}}}));
    let extra = BTreeMap::from([("user_id".into(), "u1".into())]);
    let sent = spec.token_request(&client(), &refresh("r", None, extra)).unwrap();
    assert!(sent.body.expose().ends_with("user=u1"));
}

// spec 5.11
#[test]
fn client_credentials_are_asked_for_with_scope_audience_resources_and_further_fields() {
    let spec = json!({"client_credentials": {"extra": {"audience": "the dialect's", "kind": "service"}}});
    let own = ClientCredentials::new().scope("read write").audience("api").parameter("soid", "1");
    let own = own.resource("https://a.example/").resource("https://b.example/");
    let grant = GrantRequest::ClientCredentials { request: own.into(), extra: BTreeMap::new() };
    let sent = |encoding: &str| {
        let spec = json!({"token_endpoint": {"encoding": encoding}, "client_credentials": spec["client_credentials"]});
        dialect(spec).token_request(&client(), &grant).unwrap().body.expose().to_owned()
    };
    assert_eq!(
        sent("form"),
        "grant_type=client_credentials&scope=read+write&resource=https%3A%2F%2Fa.example%2F\
         &resource=https%3A%2F%2Fb.example%2F&client_id=my+app&client_secret=p%25ss%3Aword\
         &audience=the+dialect%27s&kind=service&soid=1"
    );
    let body: Value = serde_json::from_str(&sent("json")).unwrap();
    assert_eq!(body["resource"], json!(["https://a.example/", "https://b.example/"]));
    assert_eq!((&body["grant_type"], &body["soid"]), (&json!("client_credentials"), &json!("1")));
}

#[test]
fn a_graphql_dialect_asks_for_client_credentials_only_with_a_document_for_them() {
    let own = ClientCredentials::new().scope("read");
    let grant = GrantRequest::ClientCredentials { request: own.into(), extra: BTreeMap::new() };
    let failure = Dialect::preset("graphql").unwrap().token_request(&client(), &grant).unwrap_err();
    assert!(failure.message.contains("[client_credentials]"), "{failure}");
    let spec = dialect(json!({
        "token_endpoint": {"encoding": "graphql"},
        "refresh_token": {"document": "mutation($refresh_token: String!) { a(t: $refresh_token) }"},
        "client_credentials": {"document": "mutation($scope: String!) { b(s: $scope) }"},
    }));
    let sent = spec.token_request(&client(), &grant).unwrap();
    let body: Value = serde_json::from_str(sent.body.expose()).unwrap();
    assert!(body["query"].as_str().unwrap().contains("b(s: $scope)"));
    assert_eq!(body["variables"]["scope"], "read");
}

#[test]
fn a_token_is_not_revoked_at_another_servers_endpoint() {
    let google = Dialect::preset("google").unwrap();
    assert!(google.revoke_request(&client(), &"r".into()).unwrap().is_none());
    let same = ClientIdentity { token_url: "https://oauth2.googleapis.com/token".parse().ok(), ..client() };
    assert!(google.revoke_request(&same, &"r".into()).unwrap().is_some());
}

#[test]
fn a_dialect_without_a_url_asks_for_one() {
    let failure = Dialect::preset("oauth2").unwrap().token_url(&ClientIdentity::default()).unwrap_err();
    assert!(failure.kind == ErrorKind::InvalidConfig && failure.message.contains("token_url"), "{failure}");
}

#[test]
fn errors_of_a_file_name_file_line_and_field() {
    let cases = [
        (
            "name = \"x\"\n\n[token_endpoint]\nmethod = \"HEAD\"\n",
            "d.toml, line 4, field `token_endpoint.method`",
        ),
        ("[token_endpoint]\nurll = \"x\"\n", "d.toml, line 2, field `token_endpoint"),
        ("[answer]\naccess_token = \"a..b\"\n", "d.toml, line 2, field `answer.access_token"),
        ("rotation = \"grace\"\n", "d.toml, line 1, field `rotation`"),
        ("[token_endpoint]\nclient_auth = \"tls\"\n", "d.toml, line 2, field `token_endpoint.client_auth"),
        ("[[api.rules]]\nverdict = \"expired\"\n", "d.toml, line 1, field `api.rules[0]`"),
        (
            "\n[[api.rules]]\nstatus = 999\nverdict = \"expired\"\n",
            "d.toml, line 3, field `api.rules[0].status",
        ),
        ("[[answer.rules]]\nstatus = 400\n", "d.toml, line 1, field `answer.rules[0]`"),
        ("[token]\ncookie = \"a b\"\n", "d.toml, line 2, field `token.cookie`"),
        (
            "[token_endpoint]\nencoding = \"graphql\"\n[refresh_token]\ndocument = \"mutation { a }\"\n",
            "d.toml, line 4, field `refresh_token.document`",
        ),
        (
            "[client_credentials]\ndocument = \"mutation { a }\"\n",
            "d.toml, line 2, field `client_credentials.document`",
        ),
        ("[token_endpoint]\nencoding = \"graphql\"\n", "d.toml, line 2, field `token_endpoint.encoding`"),
        ("rotation = \n", "d.toml, line 1"),
    ];
    for (text, place) in cases {
        let failure = Dialect::from_toml(text, "d.toml").unwrap_err();
        assert!(failure.message.starts_with(place), "{}", failure.message);
        assert!(failure.message.contains("presets"), "names the way out: {}", failure.message);
    }
}

#[test]
fn errors_of_data_name_the_field() {
    assert!(refused(json!({"token_endpoint": {"encoding": "xml"}})).contains("`token_endpoint.encoding`"));
    assert!(refused(json!({"api": {"rules": [{"status": 401}]}})).contains("`api.rules[0]`"));
    assert!(refused(json!({"colour": 1})).contains("`colour`"));
    assert!(refused(json!([])).contains("dialect"));
    assert!(refused(json!({"token_endpoint": {"client_auth": "tls"}})).contains("private_key_jwt"));
    assert!(
        refused(json!({"token_endpoint": {"encoding": "graphql"}, "refresh_token": {"document": "mutation { refresh }"}}))
            .contains("$refresh_token")
    );
}

#[test]
fn errors_and_debug_hold_no_value_of_the_file() {
    for text in [
        "[token_endpoint]\nheaders = \"SENTINEL\"",
        "[token_endpoint.headers]\nkey = \"{SENTINEL\"",
        "[token_endpoint.headers]\nkey = \"{SENTINEL x}\"",
        "proactive = \"SENTINEL\"",
    ] {
        let failure = Dialect::from_toml(text, "d.toml").unwrap_err();
        assert!(!failure.message.contains("SENTINEL"), "{}", failure.message);
    }
    let shown = format!("{:?}", dialect(json!({"token_endpoint": {"extra": {"key": "SENTINEL"}}})));
    assert!(!shown.contains("SENTINEL"), "{shown}");
}

#[test]
fn an_answer_shows_no_token() {
    let headers = HeaderMap::new();
    let (status, body) = (StatusCode::OK, &br#"{"access_token":"a"}"#[..]);
    let shown =
        format!("{:?}", Answer { status, headers: &headers, body, sent_at: Wall(0), received_at: Wall(0) });
    assert_eq!(shown, "Answer { status: 200, bytes: 20, .. }");
}

#[test]
fn a_code_that_may_be_a_secret_is_not_shown() {
    let spec =
        dialect(json!({"answer": {"rules": [{"path": "why", "any": true, "outcome": "client_config"}]}}));
    let found = |body: &[u8]| outcome(&spec, 400, &HeaderMap::new(), body);
    let is = |error: &str| Outcome::ClientConfig { error: error.into() };
    assert_eq!(found(br#"{"why":"wrong_audience"}"#), is("wrong_audience"));
    assert_eq!(found(br#"{"why":"sk-4242"}"#), is("client_config"));
    assert_eq!(found(br#"{"why":"sk-4242","error":"invalid_client"}"#), is("invalid_client"));
    assert_eq!(spec.error_code(br#"{"error":"4/0AbCd"}"#), None);
}

#[test]
fn the_first_rule_that_is_met_decides() {
    let spec = dialect(json!({"answer": {"rules": [
        {"status": "4xx", "path": "error", "equals": "invalid_grant", "also": [{"path": "hint", "contains": "again"}], "outcome": "retry_same", "after_seconds": 2},
        {"header": "x-why", "starts_with": ["race"], "outcome": "lost_race"},
        {"path": "error", "equals": ["invalid_grant"], "outcome": "dead", "reason": "revoked"},
    ]}}));
    let mut race = HeaderMap::new();
    race.insert("x-why", HeaderValue::from_static("race: lost"));
    let after = Some(Duration::from_secs(2));
    let again = br#"{"error":"invalid_grant","hint":"try again"}"#;
    assert_eq!(outcome(&spec, 400, &race, again), Outcome::RetrySame { after });
    assert_eq!(outcome(&spec, 500, &race, again), Outcome::LostRace);
    assert_eq!(outcome(&spec, 500, &HeaderMap::new(), again), Outcome::Dead(DeadReason::Revoked));
}

#[test]
fn a_default_lifetime_stands_in_for_an_unknown_one() {
    let spec = dialect(json!({"answer": {"default_lifetime_seconds": 900}}));
    for (body, wanted) in [
        (&br#"{"access_token":"a"}"#[..], 900),
        (br#"{"access_token":"a","expires_in":0}"#, 900),
        (br#"{"access_token":"a","expires_in":60}"#, 60),
    ] {
        let Outcome::Granted(grant) = outcome(&spec, 200, &HeaderMap::new(), body) else { panic!("granted") };
        assert_eq!(grant.lifetime, Some(Duration::from_secs(wanted)));
    }
}

#[test]
fn the_end_of_a_jwt_counts_only_where_the_dialect_opts_in() {
    // {"exp":1795222800}, an hour after the Date.
    let body = br#"{"access_token":"e30.eyJleHAiOjE3OTUyMjI4MDB9.c2ln"}"#;
    let mut headers = HeaderMap::new();
    headers.insert("date", HeaderValue::from_static("Sat, 21 Nov 2026 00:00:00 GMT"));
    for (opted_in, wanted) in [(true, Some(Duration::from_secs(3600))), (false, None)] {
        let spec = dialect(json!({"answer": {"jwt_exp": opted_in}}));
        let Outcome::Granted(grant) = outcome(&spec, 200, &headers, body) else { panic!("granted") };
        assert_eq!(grant.lifetime, wanted);
    }
}

#[test]
fn a_scope_may_be_a_list() {
    let Outcome::Granted(grant) =
        outcome(&dialect(json!({})), 200, &HeaderMap::new(), br#"{"access_token":"a","scope":["x","y"]}"#)
    else {
        panic!("granted")
    };
    assert_eq!(grant.scope.as_deref(), Some("x y"));
}

#[test]
fn every_success_status_can_grant_and_only_those() {
    let spec = dialect(json!({}));
    assert!(matches!(
        outcome(&spec, 201, &HeaderMap::new(), br#"{"access_token":"a"}"#),
        Outcome::Granted(_)
    ));
    assert_eq!(
        outcome(&spec, 302, &HeaderMap::new(), br#"{"access_token":"a"}"#),
        Outcome::Unknown { status: 302 }
    );
    assert_eq!(
        outcome(&spec, 500, &HeaderMap::new(), br#"{"access_token":"a"}"#),
        Outcome::Lost(Lost::Broken)
    );
}

#[test]
fn tokens_go_into_headers_schemes_and_cookies() {
    let place = |spec: Value, kind| {
        dialect(spec)
            .place(&"t0".into(), kind)
            .map(|one| (one.name.to_string(), one.value.to_str().unwrap().to_owned()))
    };
    let is = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
    assert_eq!(place(json!({}), None), is("authorization", "Bearer t0"));
    assert_eq!(place(json!({}), Some("dpop")), is("authorization", "DPoP t0"));
    assert_eq!(
        place(json!({"token": {"scheme": "Zoho-oauthtoken"}}), Some("Bearer")),
        is("authorization", "Zoho-oauthtoken t0")
    );
    assert_eq!(
        place(json!({"token": {"header": "X-Token", "scheme": ""}}), Some("odd")),
        is("x-token", "t0")
    );
    assert_eq!(place(json!({"token": {"cookie": "sid"}}), None), is("cookie", "sid=t0"));
    assert_eq!(dialect(json!({"token": {"cookie": "sid"}})).credential_headers(), ["cookie"]);
    let allowed = json!({"token": {"types": "User Access Token"}});
    assert_eq!(place(allowed, Some("user access token")), is("authorization", "Bearer t0"));
    // spec 5.4
    let failure = place(json!({}), Some("User Access Token")).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::InvalidConfig);
    assert!(
        failure.message.contains("\"User Access Token\"") && failure.message.contains("token.types"),
        "{failure}"
    );
}

#[test]
fn a_token_that_cannot_be_a_header_is_refused_and_not_shown() {
    for (spec, token) in [
        (json!({}), "SENTINEL\r\nx: y"),
        (json!({}), ""),
        (json!({"token": {"cookie": "sid"}}), "SENTINEL;x"),
        (json!({}), "SENTINEL\u{e9}\n"),
    ] {
        let failure = dialect(spec).place(&token.into(), None).unwrap_err();
        assert!(
            failure.kind == ErrorKind::InvalidConfig && !failure.message.contains("SENTINEL"),
            "{failure}"
        );
    }
}

#[test]
fn an_accepted_answer_is_not_parsed_where_no_rule_can_apply() {
    // Broken JSON would show: what is not parsed cannot be found broken.
    let body = format!("{{\"data\":{{\"rows\":[{}", "\"errors\": 1,".repeat(3));
    let verdict = judge(
        &Dialect::preset("graphql").unwrap(),
        200,
        Operation::GraphqlMutation,
        &HeaderMap::new(),
        body.as_bytes(),
    );
    assert_eq!(verdict, Verdict::Accepted);
    let large = format!(
        "{{\"data\":{{\"errors\":[{}]}}}}",
        "{\"extensions\":{\"code\":\"UNAUTHENTICATED\"}},".repeat(2000) + "1"
    );
    let verdict = judge(
        &Dialect::preset("graphql").unwrap(),
        200,
        Operation::GraphqlMutation,
        &HeaderMap::new(),
        large.as_bytes(),
    );
    assert_eq!(verdict, Verdict::Accepted, "errors under data are data");
}

#[test]
fn nothing_is_applied_by_a_query() {
    let rule = json!({"api": {"rules": [{"status": 403, "empty_body": true, "verdict": "expired", "applied": "maybe"}]}});
    let by = |operation| judge(&dialect(rule.clone()), 403, operation, &HeaderMap::new(), b" ");
    let expired = |applied| Verdict::Expired { reason: ExpiredReason::Unknown, applied };
    assert_eq!(by(Operation::GraphqlQuery), expired(Applied::No));
    assert_eq!(by(Operation::GraphqlMutation), expired(Applied::Maybe));
    assert_eq!(by(Operation::Http), expired(Applied::Maybe));
}

#[test]
fn a_deeply_nested_body_is_no_verdict() {
    let deep = format!("{{\"errors\":{}", "[".repeat(100_000));
    assert_eq!(
        judge(
            &Dialect::preset("graphql").unwrap(),
            200,
            Operation::GraphqlQuery,
            &HeaderMap::new(),
            deep.as_bytes()
        ),
        Verdict::Accepted
    );
    assert_eq!(
        outcome(&Dialect::preset("json").unwrap(), 200, &HeaderMap::new(), deep.as_bytes()),
        Outcome::Lost(Lost::Broken)
    );
}

// spec 5.11
#[test]
fn what_nobody_asked_for_costs_no_tokens() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let long = "9".repeat(400);
    for odd in [r#""\ud83d""#, "1e999", "NaN", &long, &deep, "\"a\tb\nc\"", r#""\q""#] {
        let body = format!(r#"{{"access_token":"AT2","name":{odd},"refresh_token":"RT2","expires_in":900}}"#);
        let Outcome::Granted(grant) = outcome(&dialect(json!({})), 200, &HeaderMap::new(), body.as_bytes())
        else {
            panic!("granted: {odd:.40}")
        };
        assert_eq!(grant.refresh_token.as_ref().map(Secret::expose), Some("RT2"), "{odd:.40}");
        assert_eq!(grant.lifetime, Some(Duration::from_secs(900)), "{odd:.40}");
    }
    let latin = b"{\"name\":\"J\xfcrgen\",\"access_token\":\"AT2\"}\n<!-- 3 ms -->";
    assert!(matches!(outcome(&dialect(json!({})), 200, &HeaderMap::new(), latin), Outcome::Granted(_)));
}

// spec 5.11
#[test]
fn a_refusal_is_understood_whatever_its_description_is_written_in() {
    for body in [
        &b"{\"error\":\"invalid_grant\",\"error_description\":\"a\nb\tc\"}"[..],
        b"{\"error_description\":\"ung\xfcltig\",\"error\":\"invalid_grant\"}",
        b"{\"error_description\":\"\\ud83d\",\"error\":\"invalid_grant\"}",
        b"error=invalid_grant&error_description=ung\xfcltig",
        b"error=invalid_grant&error_description=ung%FCltig",
    ] {
        let dead = Outcome::Dead(DeadReason::Rejected);
        assert_eq!(outcome(&dialect(json!({})), 400, &HeaderMap::new(), body), dead);
        assert_eq!(dialect(json!({})).error_code(body).as_deref(), Some("invalid_grant"));
    }
}

// spec 5.11, 6.2
#[test]
fn an_answer_that_breaks_off_is_a_grant_only_if_both_tokens_came_whole() {
    let of = |body: &[u8]| outcome(&dialect(json!({})), 200, &HeaderMap::new(), body);
    let pair = br#"{"access_token":"AT2","refresh_token":"RT2","scope":"re"#;
    assert!(matches!(of(pair), Outcome::Granted(_)));
    for body in [
        r#"{"access_token":"AT2","refresh_token":"RT"#,
        r#"{"access_token":"AT2","sc"#,
        r#"{"refresh_token":"RT2","a"#,
    ] {
        assert_eq!(of(body.as_bytes()), Outcome::Lost(Lost::Broken), "{body}");
    }
    let refusal = br#"{"error":"invalid_grant","error_description":"st"#;
    let unknown = Outcome::Unknown { status: 400 };
    assert_eq!(outcome(&dialect(json!({})), 400, &HeaderMap::new(), refusal), unknown);
}

// spec 5.12
#[test]
fn a_text_that_is_no_token_is_no_grant_and_the_refresh_token_is_kept() {
    let of = |access: &str, refresh: &str| {
        let body = json!({"access_token": access, "refresh_token": refresh, "expires_in": 0});
        outcome(&dialect(json!({})), 200, &HeaderMap::new(), body.to_string().as_bytes())
    };
    for text in ["error: token is expired by 23m", "AT 2", "\"AT2\"", "Bearer AT2", "AT\u{e9}", "A\nT", "="] {
        assert_eq!(of(text, ""), Outcome::Unknown { status: 200 }, "{text}");
        assert_eq!(of(text, "RT2"), Outcome::GrantedWithoutAccess { refresh_token: "RT2".into() }, "{text}");
        let body = json!({"access_token": text}).to_string();
        let told = dialect(json!({})).complaint(&answer(200, &HeaderMap::new(), body.as_bytes())).unwrap();
        assert!(told.contains("RFC 6750") && !told.contains(text), "{told}");
    }
    let own = dialect(json!({"token": {"extra_characters": "!"}}));
    assert!(matches!(
        outcome(&own, 200, &HeaderMap::new(), br#"{"access_token":"00D!AQ"}"#),
        Outcome::Granted(_)
    ));
}

// spec 5.12
#[test]
fn the_ends_of_tokens_are_trimmed() {
    let body = br#"{"access_token":"AT2\n","refresh_token":" RT2\r\n","token_type":"Bearer "}"#;
    let Outcome::Granted(grant) = outcome(&dialect(json!({})), 200, &HeaderMap::new(), body) else {
        panic!("granted")
    };
    assert_eq!(grant.access_token.expose(), "AT2");
    assert_eq!(grant.refresh_token.as_ref().map(Secret::expose), Some("RT2"));
    assert_eq!(grant.token_type.as_deref(), Some("Bearer"));
}

// spec 5.12
#[test]
fn a_refresh_token_that_cannot_be_read_replaces_nothing() {
    for body in [
        &b"access_token=AT2&refresh_token=RT%FF2"[..],
        br#"{"access_token":"AT2","refresh_token":"RT\ud83d"}"#,
    ] {
        let Outcome::Granted(grant) = outcome(&dialect(json!({})), 200, &HeaderMap::new(), body) else {
            panic!("granted")
        };
        assert_eq!(grant.refresh_token, None);
    }
}

// spec 1.3
#[test]
fn a_lifetime_may_be_told_in_milliseconds() {
    let spec = dialect(
        json!({"answer": {"expires_in": [], "expires_in_ms": "data.expires", "access_token": "data.access_token"}}),
    );
    let body = br#"{"data":{"access_token":"AT2","expires":6000}}"#;
    let Outcome::Granted(grant) = outcome(&spec, 200, &HeaderMap::new(), body) else { panic!("granted") };
    assert_eq!(grant.lifetime, Some(Duration::from_secs(6)));
}

#[test]
fn tokens_may_come_in_headers_and_cookies() {
    let spec = dialect(
        json!({"answer": {"cookies": {"refresh_token": "rt"}, "headers": {"access_token": "X-Access"}}}),
    );
    let mut headers = HeaderMap::new();
    headers.insert("x-access", HeaderValue::from_static("AT2"));
    headers.insert("set-cookie", HeaderValue::from_static("rt=RT2; HttpOnly; Path=/"));
    for body in [&b""[..], b"{}", b"ok"] {
        let Outcome::Granted(grant) = outcome(&spec, 200, &headers, body) else { panic!("granted") };
        assert_eq!(grant.access_token.expose(), "AT2");
        assert_eq!(grant.refresh_token.as_ref().map(Secret::expose), Some("RT2"));
    }
    assert_eq!(outcome(&spec, 401, &headers, b""), Outcome::Unknown { status: 401 });
}

// spec 5.14
#[test]
fn a_redirect_of_the_token_endpoint_names_its_place_without_its_query() {
    let mut headers = HeaderMap::new();
    headers.insert("location", HeaderValue::from_static("https://idp.example/o/token/?code=SENTINEL#x"));
    let told = dialect(json!({})).complaint(&answer(308, &headers, b"")).unwrap();
    assert!(told.contains("https://idp.example/o/token/") && told.contains("token_url"), "{told}");
    assert!(!told.contains("SENTINEL"), "{told}");
}

// spec 2.9
#[test]
fn a_rule_that_can_never_be_met_is_refused() {
    for rule in [
        json!({"path": "$", "any": true, "verdict": "expired"}),
        json!({"path": "$.error", "any": true, "verdict": "expired"}),
        json!({"path": "error", "equals": [], "verdict": "expired"}),
        json!({"text": true, "contains": [], "verdict": "expired"}),
        json!({"header": "x y", "any": true, "verdict": "expired"}),
        json!({"empty_body": true, "path": "error", "any": true, "verdict": "expired"}),
        json!({"empty_body": true, "text": true, "any": true, "verdict": "expired"}),
        json!({"past_end": true, "verdict": "expired"}),
    ] {
        assert!(refused(json!({"api": {"rules": [rule]}})).contains("api.rules[0]"), "{rule}");
    }
}

// spec 2.9
#[test]
fn a_rule_may_look_at_plain_text() {
    let spec = dialect(
        json!({"api": {"rules": [{"status": 200, "text": true, "contains": "token expired", "verdict": "expired"}]}}),
    );
    let of = |body: &[u8]| judge(&spec, 200, Operation::Http, &HeaderMap::new(), body);
    assert_eq!(of(b"ERR token expired\n").name(), "expired");
    assert_eq!(of(b"fine").name(), "accepted");
    assert!(spec.errors_with_success_status());
    let answers =
        dialect(json!({"answer": {"rules": [{"text": true, "equals": "invalid token", "outcome": "dead"}]}}));
    assert_eq!(
        outcome(&answers, 400, &HeaderMap::new(), b"invalid token\n"),
        Outcome::Dead(DeadReason::Rejected)
    );
}

// spec 5.16
#[test]
fn a_refusal_that_is_not_believed_at_once_is_asked_about_again() {
    let rule = json!({"answer": {"rules": [{"status": 400, "empty_body": true, "outcome": "dead", "confirm": true}]}});
    let of = |status, body| dialect(rule.clone()).asks_again(&answer(status, &HeaderMap::new(), body));
    assert_eq!(of(400, b" "), Some(AskAgain::ToConfirm));
    assert_eq!((of(400, b"{}"), of(401, b"")), (None, None));
    assert!(
        refused(json!({"answer": {"rules": [{"status": 400, "outcome": "unknown", "confirm": true}]}}))
            .contains("confirm")
    );
}

#[test]
fn a_refresh_token_may_go_into_a_header_or_a_cookie() {
    let sent = |refresh: Value| {
        let client = ClientIdentity { token_url: client().token_url, ..ClientIdentity::default() };
        let grant = GrantRequest::RefreshToken {
            refresh_token: "rt".into(),
            scope: None,
            extra: BTreeMap::new(),
            access_token: None,
        };
        dialect(json!({"token_endpoint": {"encoding": "json"}, "refresh_token": refresh}))
            .token_request(&client, &grant)
            .unwrap()
    };
    for (refresh, header, value) in [
        (json!({"token_header": "Authorization"}), "authorization", "Bearer rt"),
        (json!({"token_header": "X-Refresh"}), "x-refresh", "rt"),
        (json!({"token_header": "X-Refresh", "token_scheme": "Token"}), "x-refresh", "Token rt"),
        (json!({"token_cookie": "jid", "headers": {"Cookie": "lang=de"}}), "cookie", "lang=de; jid=rt"),
    ] {
        let request = sent(refresh);
        assert_eq!(request.headers[header], value);
        assert!(request.headers[header].is_sensitive() && !request.body.expose().contains("rt"));
    }
    for mistake in [
        json!({"refresh_token": {"token_header": "X", "token_cookie": "x"}}),
        json!({"refresh_token": {"token_cookie": "a b"}}),
        json!({"refresh_token": {"token_scheme": "Bearer"}}),
        json!({"refresh_token": {"fallback_document": "{ a }"}}),
        json!({"client_credentials": {"token_cookie": "x"}}),
        json!({"refresh_token": {"token_header": "Authorization"}, "token_endpoint": {"client_auth": "client_secret_basic"}}),
    ] {
        assert!(Dialect::from_json(&mistake).is_err(), "{mistake}");
    }
}

fn any_dialect() -> impl Strategy<Value = Dialect> {
    let names: Vec<_> = Dialect::preset_names().collect();
    proptest::sample::select(names).prop_map(|name| Dialect::preset(name).unwrap())
}

fn any_header() -> impl Strategy<Value = HeaderMap> {
    let names = proptest::sample::select(vec![
        "www-authenticate",
        "retry-after",
        "date",
        "content-type",
        "x-ratelimit-reset",
        "dpop-nonce",
    ]);
    let values = proptest::collection::vec(prop_oneof![Just(b'\t'), 0x20u8..0x7f, 0x80u8..=0xff], 0..60);
    let pair = (names, values).prop_filter_map("a header", |(name, value)| {
        Some((http::HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
    });
    proptest::collection::vec(pair, 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let words = vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"errors\"",
        "\"data\"",
        "\"error\"",
        "\"extensions\"",
        "\"code\"",
        "\"UNAUTHENTICATED\"",
        "\"ok\"",
        "null",
        "1e400",
        "\"access_token\"",
        "\"expires_at\"",
        "\u{feff}",
        "=",
        "-1",
    ];
    let shaped = proptest::collection::vec(proptest::sample::select(words), 0..30)
        .prop_map(|words| words.concat().into_bytes());
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), shaped]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_panics(dialect in any_dialect(), status in 100u16..=599, headers in any_header(), body in any_body()) {
        let _ = outcome(&dialect, status, &headers, &body);
        let _ = (dialect.redact(&body, &[]), dialect.server_message(&body, &[]));
    }

    #[test]
    fn no_response_panics(dialect in any_dialect(), status in 100u16..=599, headers in any_header(), body in any_body(), op in 0..3) {
        let operation = [Operation::Http, Operation::GraphqlQuery, Operation::GraphqlMutation][op as usize];
        let _ = judge(&dialect, status, operation, &headers, &body);
    }

    #[test]
    fn no_file_panics(text in "[a-z_\\[\\]{}=\", .\n0-9#]{0,120}") {
        let _ = Dialect::from_toml(&text, "d.toml");
    }

    #[test]
    fn no_answer_without_the_word_is_dead(status in 100u16..=599, headers in any_header(), body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let found = outcome(&dialect(json!({})), status, &headers, &body);
        prop_assert!(!matches!(found, Outcome::Dead(_)), "{found:?}");
    }
}

// spec 2.11
#[test]
fn where_a_redirect_leads_is_compared_without_its_query() {
    let spec = dialect(json!({"api": {"rules": [
        {"status": 302, "location": true, "equals": ["/login", "https://sso.example/authorize"], "verdict": "expired"},
    ]}}));
    let verdict = |status: u16, location: &str| {
        let headers =
            HeaderMap::from_iter([(http::header::LOCATION, HeaderValue::from_str(location).unwrap())]);
        judge(&spec, status, Operation::Http, &headers, b"").name()
    };
    for login in
        ["/login", "login?next=/", "https://elsewhere.example/login#x", "https://sso.example/authorize?a=b"]
    {
        assert_eq!(verdict(302, login), "expired", "{login}");
    }
    for other in ["/next?from=/login", "/login/help", "https://sso.example/other", "", "http://[", "/Login"] {
        assert_eq!(verdict(302, other), "accepted", "{other}");
    }
    assert_eq!(verdict(201, "/login"), "accepted", "what was created is no redirect");
    assert!(spec.may_reject_success() && !spec.errors_with_success_status());
    assert!(
        refused(json!({"api": {"rules": [{"location": false, "equals": "/", "verdict": "expired"}]}}))
            .contains("location = true")
    );
}

// spec 5.4
#[test]
fn the_end_of_a_refresh_token_may_be_a_date() {
    let spec = dialect(json!({"answer": {"refresh_token_expires_at": ["ends"]}}));
    let mut headers = HeaderMap::new();
    headers.insert("date", HeaderValue::from_static("Sat, 21 Nov 2026 00:00:00 GMT"));
    let lifetime = |ends: &str| {
        let body = json!({"access_token": "a", "ends": ends}).to_string();
        let Outcome::Granted(grant) = outcome(&spec, 200, &headers, body.as_bytes()) else {
            panic!("granted")
        };
        grant.refresh_token_lifetime
    };
    let an_hour = Some(Duration::from_secs(3600));
    for ends in ["2026-11-21T01:00:00Z", "Sat, 21 Nov 2026 01:00:00 GMT", "1795222800"] {
        assert_eq!(lifetime(ends), an_hour, "{ends}");
    }
    assert_eq!(lifetime("2026-11-20T01:00:00Z"), None);
    assert_eq!(lifetime("tomorrow"), None);
}

// spec 5.23
#[test]
fn a_refresh_may_be_a_get_with_everything_in_the_query() {
    let spec = dialect(json!({
        "token_endpoint": {"method": "GET", "encoding": "query", "client_auth": "none", "query": {"v": "2"}, "extra": {"remember": true}},
    }));
    let identity = ClientIdentity {
        token_url: "https://idp.example/token?tenant=a&refresh_token=old".parse().ok(),
        ..ClientIdentity::default()
    };
    let sent = spec.token_request(&identity, &refresh("r&t", None, BTreeMap::new())).unwrap();
    assert_eq!(sent.method, Method::GET);
    assert_eq!(sent.url.as_str(), "https://idp.example/token?tenant=a&v=2&refresh_token=r%26t&remember=true");
    assert!(sent.body.expose().is_empty() && !sent.headers.contains_key(CONTENT_TYPE));
    assert!(!format!("{sent:?}").contains("r%26t"));
    for mistake in [
        json!({"token_endpoint": {"method": "GET"}}),
        json!({"token_endpoint": {"method": "GET", "encoding": "json"}}),
        json!({"token_endpoint": {"encoding": "query"}, "password": {}}),
        json!({"token_endpoint": {"encoding": "query"}, "refresh_token": {"document": "mutation { a }"}}),
    ] {
        refused(mistake);
    }
    let post = dialect(json!({"token_endpoint": {"encoding": "query"}}));
    let failure = post.check_variables(&client(), &Default::default(), false).unwrap_err();
    assert!(failure.message.contains("client_auth"), "{failure}");
}

// spec 5.23
#[test]
fn the_old_access_token_may_go_along_with_a_refresh() {
    let sent = |names: Value, section: Value| {
        let endpoint = json!({"encoding": "json", "client_auth": "none", "names": names});
        let spec = dialect(json!({"token_endpoint": endpoint, "refresh_token": section}));
        spec.token_request(&client(), &refresh("rt", None, BTreeMap::new())).unwrap()
    };
    let bearer = sent(json!({}), json!({"access_token_header": "Authorization"}));
    assert_eq!(bearer.headers[AUTHORIZATION], "Bearer at0");
    assert!(bearer.headers[AUTHORIZATION].is_sensitive());
    let bare = json!({"access_token_header": "X-Access", "access_token_scheme": "", "token_cookie": "jid"});
    let bare = sent(json!({}), bare);
    assert_eq!(
        (&bare.headers["x-access"], &bare.headers["cookie"]),
        (&HeaderValue::from_static("at0"), &HeaderValue::from_static("jid=rt"))
    );
    let body = sent(json!({"access_token": "accessToken"}), json!({}));
    let body: Value = serde_json::from_str(body.body.expose()).unwrap();
    assert_eq!((&body["accessToken"], &body["refresh_token"]), (&json!("at0"), &json!("rt")));
    for mistake in [
        json!({"refresh_token": {"access_token_header": "X", "token_header": "x"}}),
        json!({"refresh_token": {"access_token_scheme": "Bearer"}}),
        json!({"client_credentials": {"access_token_header": "X"}}),
        json!({"refresh_token": {"access_token_header": "Authorization"}, "token_endpoint": {"client_auth": "client_secret_basic"}}),
    ] {
        refused(mistake);
    }
}

// spec 9.3
#[test]
fn an_access_token_in_a_query_parameter_is_refused_with_the_alternatives() {
    for name in ["query", "query_parameter", "parameter"] {
        let text = format!("[token]\n{name} = \"access_token\"");
        let failure = Dialect::from_toml(&text, "acme.toml").unwrap_err();
        let place = format!("acme.toml, line 2, field `token.{name}`: ");
        assert!(failure.message.starts_with(&place), "{}", failure.message);
        for word in ["not sent in a URL", "`header`", "`cookie`", "session.token()"] {
            assert!(failure.message.contains(word), "{}", failure.message);
        }
        let data = serde_json::json!({ "token": { name: "access_token" } });
        assert!(Dialect::from_json(&data).unwrap_err().message.contains("not sent in a URL"));
    }
}
