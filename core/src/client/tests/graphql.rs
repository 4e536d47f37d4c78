//! `graphql()`.

use rekindle_proto::ErrorKind;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, serde::Deserialize, PartialEq)]
struct Data {
    me: Option<String>,
}

async fn ask<T: serde::de::DeserializeOwned>(status: u16, answer: &'static str) -> Result<T, Error> {
    let stage = stage([reply(status).json(answer).into()]);
    stage.drive(stage.client.graphql("{ me }", ())).await
}

#[tokio::test]
async fn data_comes_typed_or_as_json() {
    let stage = stage([reply(200).json(r#"{"data":{"me":"Ada"}}"#).into()]);
    let data: Data =
        stage.drive(stage.client.graphql("query Q($a: Int) { me }", json!({ "a": 1 }))).await.unwrap();
    assert_eq!(data.me.as_deref(), Some("Ada"));
    assert_eq!(ask::<Value>(200, r#"{"data":null,"errors":[]}"#).await.unwrap(), Value::Null);
    let seen = stage.wire.seen.lock();
    assert_eq!((seen[0].method.as_str(), seen[0].url.path()), ("POST", "/v1/graphql"));
    let sent: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(sent, json!({ "query": "query Q($a: Int) { me }", "variables": { "a": 1 } }));
}

#[tokio::test]
async fn errors_are_typed_whatever_the_status_and_the_data() {
    let answers = [
        (200, r#"{"data":null,"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}"#),
        (400, r#"{"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}"#),
        (500, r#"{"data":{"me":7},"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}"#),
    ];
    for (status, answer) in answers {
        let error = ask::<Data>(status, answer).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::GraphQL, Some(status)), "{error:?}");
        assert_eq!(error.graphql_errors()[0].code.as_deref(), Some("FORBIDDEN"));
        assert!(error.to_string().contains("no [FORBIDDEN]"), "{error}");
    }
}

#[tokio::test]
async fn tokens_in_messages_are_hidden() {
    for answer in [
        r#"{"errors":[{"message":"bad token sentinel-token-12345"}]}"#,
        // The session's own, which look like words: they are known.
        r#"{"errors":[{"message":"bad token sentinel-token-1"}]}"#,
        r#"{"errors":[{"message":"refresh by sentinel-refresh first","path":["sentinel-refresh"]}]}"#,
    ] {
        let error = ask::<Data>(200, answer).await.unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", error.graphql_errors()).contains("sentinel"), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_graphql_is_told_as_what_it_is() {
    assert_eq!(ask::<Data>(404, "<html>").await.unwrap_err().kind(), ErrorKind::HttpStatus);
    assert_eq!(ask::<Data>(200, "<html>").await.unwrap_err().kind(), ErrorKind::InvalidResponse);
    assert_eq!(ask::<Data>(200, "{}").await.unwrap_err().kind(), ErrorKind::InvalidResponse);
    assert_eq!(ask::<Data>(200, r#"{"data":[1]}"#).await.unwrap_err().kind(), ErrorKind::InvalidResponse);
}

#[tokio::test]
async fn a_query_may_be_repeated_and_a_mutation_may_not() {
    for (query, sends) in [("{ me }", 2), ("mutation { pay }", 1)] {
        for trouble in [418, 503] {
            let stage = stage([reply(trouble).into(), reply(200).json(r#"{"data":{"me":null}}"#).into()]);
            let _ = stage.drive(stage.client.graphql::<Data>(query, ())).await;
            assert_eq!(stage.wire.sends(), sends, "{query} {trouble}");
        }
    }
}

// spec 2.6
#[tokio::test]
async fn an_error_in_odd_json_is_an_error_of_graphql() {
    let body =
        "{\"errors\":[{\"message\":\"a\nb \\ud83d\",\"extensions\":{\"code\":\"validation-failed\"}}]}";
    let error = ask::<Data>(400, body).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GraphQL);
    assert_eq!(error.graphql_errors()[0].code.as_deref(), Some("validation-failed"));
}

// spec 2.7
#[tokio::test]
async fn the_sessions_own_token_is_hidden_however_it_is_written() {
    let body = r#"{"errors":[{"message":"no c2VudGluZWwtdG9rZW4tMQ== here","extensions":{"code":"SENTINEL-TOKEN-1"}}]}"#;
    let error = ask::<Data>(200, body).await.unwrap_err();
    let shown = &error.graphql_errors()[0];
    assert_eq!((shown.message.as_str(), shown.code.as_deref()), ("no *** here", Some("***")));
}

#[tokio::test]
async fn an_operation_has_a_name_headers_and_a_deadline_of_its_own_and_its_keys_keep_their_order() {
    let stage = stage([reply(200).json(r#"{"data":{"z":1,"a":2}}"#).into()]);
    #[derive(serde::Serialize)]
    struct Variables {
        z: u8,
        a: u8,
    }
    let document = "query Z { z } mutation A { a }";
    let query =
        stage.client.graphql_request(document).operation_name("Z").variables(Variables { z: 1, a: 2 });
    let query = query.header("x-trace", "7f").header("accept", "application/json");
    let data: Value = stage.drive(query.send()).await.unwrap();
    assert_eq!(data, json!({ "z": 1, "a": 2 }));
    let seen = stage.wire.seen.lock();
    let sent = r#"{"query":"query Z { z } mutation A { a }","variables":{"z":1,"a":2},"operationName":"Z"}"#;
    assert_eq!(std::str::from_utf8(&seen[0].body).unwrap(), sent);
    assert_eq!((seen[0].header("x-trace"), seen[0].header("accept")), (Some("7f"), Some("application/json")));
}

// spec 2.5, 3.5
#[tokio::test]
async fn a_mutation_that_was_not_sent_again_says_so_and_one_that_may_be_applied_twice_is() {
    const REJECTED: &str =
        r#"{"data":{"pay":null},"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
    let rule = "\n[[api.rules]]\npath = \"errors[*].extensions.code\"\nequals = \"UNAUTHENTICATED\"\nverdict = \"expired\"\n";
    let dialect = format!("{}{}", super::PLAIN, rule);
    let build = |session| Client::builder(session).base_url(BASE);
    let stage = stage_in(&dialect, [reply(200).json(REJECTED).into()], build);
    let paid = stage.drive(stage.client.graphql::<Value>("mutation { pay }", ())).await.unwrap_err();
    assert!(paid.to_string().contains("this was not sent again"), "{paid}");
    stage.rest().await;
    assert_eq!((stage.wire.sends(), stage.refreshes()), (1, 1));

    let answers = [reply(200).json(REJECTED).into(), reply(200).json(r#"{"data":{"pay":true}}"#).into()];
    let stage = stage_in(&dialect, answers, build);
    let again = stage.client.graphql_request("mutation { pay }").replay(true);
    let data: Value = stage.drive(again.send()).await.unwrap();
    assert_eq!((data, stage.wire.sends()), (json!({ "pay": true }), 2));
}
