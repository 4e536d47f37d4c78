//! The adapters for HTTP clients of one's own, on the scripted server: what each of them must do, and what only one can.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod asked;
mod leaving;
mod reqwest_middleware;
#[path = "../scripted/mod.rs"]
mod scripted;
mod tower;

use asked::{Answered, Asks, Through};
use http::Method;
use rekindle::Operation;
use rekindle::{ErrorKind, ReplayRefused};
use rekindle_test_server::{Script, SeedDialect, Step};
use scripted::{counted, expired, refreshed, session};
use serde_json::{Value, json};

/// The same claims, of each adapter.
macro_rules! each {
    ($($claim:ident)*) => {
        mod by_tower {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim::<super::tower::Tower>().await;
            })*
        }
        mod by_reqwest_middleware {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim::<super::reqwest_middleware::Middleware>().await;
            })*
        }
    };
}

each! {
    fifty_requests_that_are_turned_away_cost_one_refresh
    a_post_is_replayed_with_its_body
    a_credential_of_the_callers_own_is_left_alone
    a_foreign_origin_gets_no_token_and_is_not_judged
    a_session_that_lists_no_origin_says_so
    a_fresh_token_that_is_turned_away_is_no_loop
    the_error_of_a_refused_refresh_carries_the_response
    a_graphql_query_is_replayed
    a_mutation_that_has_happened_is_not_replayed
    what_the_request_does_may_be_told
}

// spec 3.2, 4.1
async fn fifty_requests_that_are_turned_away_cost_one_refresh<T: Through>() {
    for dialect in [SeedDialect::Json, SeedDialect::ApiToken, SeedDialect::OAuth, SeedDialect::OAuth400] {
        let (server, tokens) = expired(dialect);
        let session = session(&server, dialect, &tokens);
        let client = T::around(&session);
        let calls = (0..50).map(|_| tokio::spawn(client.ask(Asks::data(&server))));
        for call in calls.collect::<Vec<_>>() {
            let answered = call.await.unwrap().unwrap();
            assert_eq!(answered.judged(), ("accepted", None));
            assert_eq!(answered.body["ok"], true);
        }
        assert_eq!(counted(&server), (1, 0, 1), "{dialect:?}");
        assert_eq!(server.counters().accepted, 50);
        assert_eq!(server.counters().rejected, session.stats().replays);
    }
}

// spec 3.4: the replay carries the whole body again.
async fn a_post_is_replayed_with_its_body<T: Through>() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let post =
        Asks { method: Method::POST, body: r#"{"text":"twelve bytes"}"#.into(), ..Asks::data(&server) };
    let answered = T::around(&session).ask(post).await.unwrap();
    assert_eq!(answered.body["body_bytes"], 23);
    assert_eq!((server.counters().side_effects, counted(&server)), (1, (1, 0, 1)));
}

// spec 2.2: neither replaced nor judged.
async fn a_credential_of_the_callers_own_is_left_alone<T: Through>() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let own = Asks { authorization: Some("Bearer mine"), ..Asks::data(&server) };
    let answered = T::around(&session).ask(own).await.unwrap();
    assert_eq!((answered.status, answered.judged), (401, None));
    assert_eq!(answered.body, json!({"error": "invalid_token"}));
    assert_eq!(server.log()[0].authorization.as_deref(), Some("Bearer mine"));
    assert_eq!(counted(&server), (0, 0, 0));
}

// spec 9.1
async fn a_foreign_origin_gets_no_token_and_is_not_judged<T: Through>() {
    let (server, tokens) = expired(SeedDialect::Json);
    let (foreign, _) = expired(SeedDialect::Json);
    let session = session(&server, SeedDialect::Json, &tokens);
    let answered = T::around(&session).ask(Asks::data(&foreign)).await.unwrap();
    assert_eq!((answered.status, answered.judged), (401, None));
    assert_eq!(foreign.log()[0].authorization, None);
    assert_eq!((counted(&server), counted(&foreign)), ((0, 0, 0), (0, 0, 0)));
}

// spec 9.1: it would do nothing, without a word.
async fn a_session_that_lists_no_origin_says_so<T: Through>() {
    let (server, tokens) = expired(SeedDialect::Json);
    let session = rekindle::Session::builder("json").token_url(format!("{}/refresh", server.base_url()));
    let session = session.tokens(tokens.access_token, tokens.refresh_token).build().unwrap();
    let error = T::around(&session).ask(Asks::data(&server)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!((server.log().len(), counted(&server)), (0, (0, 0, 0)));
}

// spec 3.3: a token that is new and turned away all the same: no loop, and the answer goes to the caller.
async fn a_fresh_token_that_is_turned_away_is_no_loop<T: Through>() {
    let (server, tokens) = expired(SeedDialect::Json);
    let never = Step::on("GET", "/data").json(401, json!({"error": "token_expired"})).always();
    server.play(Script::new().step(never));
    let session = session(&server, SeedDialect::Json, &tokens);
    let answered = T::around(&session).ask(Asks::data(&server)).await.unwrap();
    assert_eq!(answered.judged(), ("denied", Some(ReplayRefused::FreshTokenRejected)));
    assert_eq!(answered.body, json!({"error": "token_expired"}));
    let gets = server.log().iter().filter(|request| request.method == "GET").count();
    assert_eq!((gets, counted(&server)), (2, (1, 0, 1)));
}

// spec 3.5
async fn the_error_of_a_refused_refresh_carries_the_response<T: Through>() {
    let (server, tokens) = expired(SeedDialect::OAuth);
    server.revoke_all();
    let session = session(&server, SeedDialect::OAuth, &tokens);
    let error = T::around(&session).ask(Asks::data(&server)).await.unwrap_err();
    assert_eq!((error.kind(), error.oauth_error()), (ErrorKind::LoginRequired, Some("invalid_grant")));
    let response = error.into_response().unwrap();
    assert_eq!((response.status.as_u16(), &response.url), (401, &Asks::data(&server).url.parse().unwrap()));
    assert_eq!(response.json::<Value>().unwrap(), json!({"error": "invalid_token"}));
    assert_eq!(counted(&server), (0, 0, 1));
}

// spec 2.5, 2.6: the error comes with status 200.
async fn a_graphql_query_is_replayed<T: Through>() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let session = session(&server, SeedDialect::GraphQl, &tokens);
    let mut query = Asks::graphql(&server, "{ students { id } }");
    query.operation = (!T::READS_BODIES).then_some(Operation::GraphqlQuery);
    let answered = T::around(&session).ask(query).await.unwrap();
    assert_eq!(answered.judged(), ("accepted", None));
    assert_eq!(answered.body["data"]["ok"], true);
    assert_eq!(counted(&server), (1, 0, 1));
}

/// Answers to whatever holds `pay`: it has happened, and then the token was over.
fn happened(status: u16) -> (Script, Value) {
    let error = json!({"message": "over", "extensions": {"code": "UNAUTHENTICATED"}});
    let answer = json!({"data": {"pay": 1, "me": null}, "errors": [error]});
    let pay = Step::on("POST", "/").body_contains("pay").json(status, answer.clone());
    (Script::new().step(pay), answer)
}

// spec 2.5: what cannot be read counts as a mutation, and `data` in the answer tells that it has happened.
async fn a_mutation_that_has_happened_is_not_replayed<T: Through>() {
    for status in [200, 401] {
        let (server, tokens) = expired(SeedDialect::GraphQl);
        let (script, answer) = happened(status);
        server.play(script);
        let session = session(&server, SeedDialect::GraphQl, &tokens);
        let answered = T::around(&session).ask(Asks::graphql(&server, "mutation { pay me }")).await.unwrap();
        assert_eq!(answered.judged(), ("expired", Some(ReplayRefused::MaybeApplied)), "{status}");
        assert_eq!(answered.body, answer);
        server.assert_consumed();
        refreshed(&session).await;
        assert_eq!(counted(&server), (1, 0, 1));
    }
}

// The caller knows better than the parser.
async fn what_the_request_does_may_be_told<T: Through>() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let (script, _) = happened(200);
    server.play(script);
    let session = session(&server, SeedDialect::GraphQl, &tokens);
    let told = Some(Operation::GraphqlMutation);
    let query = Asks { operation: told, ..Asks::graphql(&server, "query { pay me }") };
    let Answered { judged, .. } = T::around(&session).ask(query).await.unwrap();
    assert_eq!(judged.unwrap().replay_refused, Some(ReplayRefused::MaybeApplied));
    refreshed(&session).await;
    assert_eq!(counted(&server), (1, 0, 1));
}
