//! Sessions kept alive on Apollo Server and graphql-yoga: UNAUTHENTICATED with any status, from anywhere.
//! What the servers counted is the truth.

// A test fails where its server does not answer; helpers of tests count as code to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::kept::{credential, told};
use rekindle::Dialect;
use rekindle::{Client, DialectSource, ErrorKind, ReplayRefused, Rotation, Session};
use rekindle_idp::{Apollo, GraphqlOptions, Server, Tokens, Yoga};
use serde_json::{Value, json};

/// The preset, whose refresh asks for a new refresh token as well: these servers rotate.
fn rotating() -> Dialect {
    Dialect::preset("graphql").unwrap().with_rotation(Rotation::StrictFamily)
}

fn session(server: &Server, dialect: impl Into<DialectSource>, tokens: &Tokens) -> Session {
    Session::builder(dialect)
        .token_url(server.url("/graphql"))
        .origin(&server.base_url)
        .credential(credential(tokens))
        .build()
        .unwrap()
}

fn client(session: &Session, server: &Server, path: &str) -> Client {
    Client::builder(session.clone()).base_url(&server.base_url).graphql_path(path).build().unwrap()
}

/// What the server counted: refreshes, replays of a used refresh token, requests for a refresh.
fn counted(server: &Server) -> (u64, u64, u64) {
    let stats = server.stats();
    (stats.refreshes, stats.reuse_detected, stats.token_requests)
}

/// Where the error is thrown: path, query, and what is there once the token is good.
fn places() -> [(&'static str, &'static str, Value); 5] {
    let all = "for everybody";
    let secret = "secret of the house";
    [
        ("/context", "{ open }", json!({"open": all})),
        ("/context-401", "{ open }", json!({"open": all})),
        ("/graphql", "{ open nullable }", json!({"open": all, "nullable": secret})),
        ("/graphql", "{ open required }", json!({"open": all, "required": secret})),
        ("/graphql", "{ open status401 }", json!({"open": all, "status401": secret})),
    ]
}

// spec 2.5: every entry of errors[] counts, whatever the status: 500 and 200 in the context, 401, 200.
async fn a_query_is_replayed_wherever_it_is_refused(server: &Server) {
    for ((path, query, expected), round) in places().into_iter().zip(1..) {
        let session = session(server, rotating(), &server.mint_expired());
        let data: Value = client(&session, server, path).graphql(query, ()).await.unwrap();
        assert_eq!(data, expected, "{path} {query}");
        assert_eq!(counted(server), (round, 0, round), "{path} {query}");
        assert_eq!(session.stats().replays, 1, "{path} {query}");
    }
    let stats = server.stats();
    assert_eq!((stats.api_rejected, stats.api_accepted), (5, 5));
}

// spec 4.1
async fn a_hundred_queries_cost_one_refresh(server: &Server) {
    let session = session(server, rotating(), &server.mint_expired());
    let client = client(&session, server, "/graphql");
    let ask = |client: Client| async move {
        let query = "query Some($limit: Int) { students(limit: $limit) { fullName } }";
        client.graphql::<Value>(query, json!({"limit": 1})).await.unwrap()
    };
    let calls: Vec<_> = (0..100).map(|_| tokio::spawn(ask(client.clone()))).collect();
    for call in calls {
        assert_eq!(call.await.unwrap()["students"][0]["fullName"], "Ada Moss");
    }
    assert_eq!(counted(server), (1, 0, 1));
    assert_eq!(server.stats().api_accepted, 100);
}

const MUTATION: &str = "mutation { increment secure }";

// spec 2.5, 3.5: `data` is there, so it has happened; the caller gets the answer and the reason.
async fn a_mutation_that_has_happened_is_not_replayed(server: &Server) {
    let session = session(server, rotating(), &server.mint_expired());
    let (client, events) = (client(&session, server, "/graphql"), session.events());
    let error = client.graphql::<Value>(MUTATION, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GraphQL);
    assert_eq!(error.graphql_errors()[0].code.as_deref(), Some("UNAUTHENTICATED"));
    let response = error.into_response().unwrap();
    assert_eq!(response.replay_refused, Some(ReplayRefused::MaybeApplied));
    let answer: Value = response.json().unwrap();
    assert_eq!(answer["data"], json!({"increment": 1, "secure": null}));
    assert_eq!((server.stats().side_effects, session.stats().replays), (1, 0));

    // The token is refreshed for the next one.
    told(&events, "RefreshSucceeded").await;
    let next: Value = client.graphql("{ nullable }", ()).await.unwrap();
    assert_eq!(next, json!({"nullable": "secret of the house"}));
    assert_eq!((counted(server), server.stats().api_rejected), ((1, 0, 1), 1));
}

// The same by a request that does not say that it is GraphQL (spec 2.5: it is read).
async fn a_posted_mutation_that_has_happened_is_not_replayed(server: &Server) {
    let session = session(server, rotating(), &server.mint_expired());
    let request = client(&session, server, "/graphql").post("/graphql").json(&json!({"query": MUTATION}));
    let response = request.send().await.unwrap();
    assert_eq!(response.replay_refused(), Some(ReplayRefused::MaybeApplied));
    assert_eq!(response.json::<Value>().await.unwrap()["data"]["increment"], 1);
    assert_eq!(server.stats().side_effects, 1);
}

// spec 2.5: without `data` nothing has happened.
async fn a_mutation_without_data_is_replayed(server: &Server) {
    for (path, times) in [("/context", 1), ("/context-401", 2)] {
        let session = session(server, rotating(), &server.mint_expired());
        let data: Value = client(&session, server, path).graphql(MUTATION, ()).await.unwrap();
        assert_eq!(data, json!({"increment": times, "secure": "secret of the house"}));
        assert_eq!((server.stats().side_effects, session.stats().replays), (times, 1));
    }
    assert_eq!(counted(server), (2, 0, 2));
}

// spec 5.1, 5.2: the refusal has the same code as an expired token, and is no reason to go round again.
async fn a_refused_refresh_is_a_login_and_no_loop(server: &Server) {
    let tokens = Tokens { refresh_token: "unknown".to_owned(), ..server.mint_expired() };
    let session = session(server, rotating(), &tokens);
    let client = client(&session, server, "/graphql");
    for _ in 0..3 {
        let error = client.graphql::<Value>("{ required }", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LoginRequired);
    }
    assert_eq!(counted(server), (0, 0, 1));
    assert_eq!(session.stats().logins_required, 1);
}

// The seed document's own server: no rotation, and no new refresh token in the answer (spec 5.4).
async fn the_preset_keeps_a_refresh_token_that_stays(server: &Server) {
    let tokens = server.mint_expired();
    let session = session(server, "graphql", &tokens);
    let client = client(&session, server, "/graphql");
    for refreshes in 1..=2 {
        let query = "{ students(limit: 5) { id fullName classroomName } }";
        let data: Value = client.graphql(query, ()).await.unwrap();
        assert_eq!(data["students"][1]["classroomName"], "1B");
        assert_eq!(counted(server), (refreshes, 0, refreshes));
        session.invalidate();
    }
}

// A quote in a refresh token stays text: it travels as a variable.
async fn a_refresh_token_is_never_part_of_the_query(server: &Server) {
    let hostile = r#"") { accessToken } increment #"#;
    let tokens = Tokens { refresh_token: hostile.to_owned(), ..server.mint_expired() };
    let session = session(server, rotating(), &tokens);
    let client = client(&session, server, "/graphql");
    let error = client.graphql::<Value>("{ required }", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LoginRequired);
    assert_eq!((counted(server), server.stats().side_effects), ((0, 0, 1), 0));
}

/// The same claims on both servers.
macro_rules! on_both {
    ($($claim:ident ($rotate:literal);)*) => {
        mod apollo {
            $(#[tokio::test]
            async fn $claim() {
                let options = super::GraphqlOptions { rotate: $rotate, ..Default::default() };
                let Some(server) = super::Apollo::start(options) else { return };
                super::$claim(&server).await;
            })*
        }

        mod yoga {
            $(#[tokio::test]
            async fn $claim() {
                let options = super::GraphqlOptions { rotate: $rotate, ..Default::default() };
                let Some(server) = super::Yoga::start(options) else { return };
                super::$claim(&server).await;
            })*
        }
    };
}

on_both! {
    a_query_is_replayed_wherever_it_is_refused (true);
    a_hundred_queries_cost_one_refresh (true);
    a_mutation_that_has_happened_is_not_replayed (true);
    a_posted_mutation_that_has_happened_is_not_replayed (true);
    a_mutation_without_data_is_replayed (true);
    a_refused_refresh_is_a_login_and_no_loop (true);
    a_refresh_token_is_never_part_of_the_query (true);
    the_preset_keeps_a_refresh_token_that_stays (false);
}
