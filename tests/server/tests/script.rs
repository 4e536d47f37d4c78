//! Scripts: who gets which step, who waits for whom, and what is proven at the end.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Client, call, get, request};
use rekindle_test_server::{Respond, Script, Step, TestServer, Values};
use serde_json::json;

fn start(script: Script) -> TestServer {
    TestServer::start(script).unwrap()
}

#[tokio::test]
async fn a_request_takes_the_first_step_that_fits_and_is_not_used_up() {
    let server = start(
        Script::new()
            .step(Step::on("GET", "/data").token("old").json(401, json!({"error": "token_expired"})).times(2))
            .step(Step::on("GET", "/data").token("").text(401, "no token"))
            .step(Step::on("GET", "/data").token("new").json(200, json!(1)))
            .step(Step::on("GET", "/data").json(200, json!(2)).always())
            .step(Step::on("GET", "/data?page=2").json(200, json!("page"))),
    );
    let mut seen = Vec::new();
    for token in ["new", "old", "", "old", "new", "old"] {
        let reply = get(&server, "/data", token).await;
        seen.push((reply.status, String::from_utf8(reply.body.to_vec()).unwrap()));
    }
    let expired = (401, r#"{"error":"token_expired"}"#.to_owned());
    let ok = |body: &str| (200, body.to_owned());
    assert_eq!(seen, [ok("1"), expired.clone(), (401, "no token".into()), expired, ok("2"), ok("2")]);
}

#[tokio::test]
async fn what_is_not_scripted_is_answered_599_and_held_against_the_script() {
    let server = start(Script::new().step(Step::on("GET", "/a").json(200, json!(1)).times(2)));
    get(&server, "/a", "").await;
    assert_eq!(get(&server, "/b?x=1", "").await.status, 599);
    let complaints = server.complaints();
    assert!(complaints[0].contains("step 0") && complaints[0].contains("used 1 of 2"), "{complaints:?}");
    assert_eq!(complaints[1], "not scripted: GET /b?x=1");
    server.play(Script::new().step(Step::on("GET", "/a").json(200, json!(1))));
    get(&server, "/a", "").await;
    server.assert_consumed();
}

#[test]
#[should_panic(expected = "used 0 of 1 times")]
fn a_step_that_nobody_used_fails_the_proof() {
    start(Script::new().step(Step::on("GET", "/a").json(200, json!(1)).always())).assert_consumed();
}

#[tokio::test]
async fn the_log_has_requests_in_order_with_their_bodies_and_tokens() {
    let server = start(Script::new().step(Step::on("POST", "/a").json(200, json!(1)).always()));
    let mut client = Client::connect(&server).await;
    for body in ["one", "two"] {
        client.send(request("POST", "/a?b=c", "t", body)).await.unwrap();
    }
    let log = server.log();
    let short: Vec<_> = log.iter().map(|entry| (entry.number, entry.body.as_str(), entry.step)).collect();
    assert_eq!(short, [(0, "one", Some(0)), (1, "two", Some(0))]);
    assert_eq!((log[0].path.as_str(), log[0].target.as_str()), ("/a", "/a?b=c"));
    assert_eq!(log[0].authorization.as_deref(), Some("Bearer t"));
    assert!(log[0].at_ms <= log[1].at_ms);
}

#[tokio::test]
async fn a_barrier_opens_when_all_have_arrived() {
    const REQUESTS: u32 = 8;
    let server = start(Script::new().step(Step::on("GET", "/a").json(200, json!(1)).barrier(REQUESTS)));
    let mut early: Vec<_> = Vec::new();
    for _ in 1..REQUESTS {
        let mut client = Client::connect(&server).await;
        early.push(tokio::spawn(async move { client.send(request("GET", "/a", "", "")).await }));
    }
    server.seen(u64::from(REQUESTS) - 1).await;
    assert!(early.iter().all(|request| !request.is_finished()));
    assert_eq!(get(&server, "/a", "").await.status, 200);
    for request in early {
        assert_eq!(request.await.unwrap().unwrap().status, 200);
    }
    server.assert_consumed();
}

#[tokio::test]
async fn a_held_request_waits_for_its_release_by_a_step_or_by_hand() {
    let server = start(
        Script::new()
            .step(Step::on("GET", "/a").hold("step").json(200, json!(1)))
            .step(Step::on("GET", "/b").release("step").json(200, json!(2)))
            .step(Step::on("GET", "/c").hold("hand").json(200, json!(3))),
    );
    let (mut a, mut c) = (Client::connect(&server).await, Client::connect(&server).await);
    let a = tokio::spawn(async move { a.send(request("GET", "/a", "", "")).await.unwrap().json() });
    let c = tokio::spawn(async move { c.send(request("GET", "/c", "", "")).await.unwrap().json() });
    server.seen(2).await;
    assert_eq!(get(&server, "/b", "").await.json(), 2);
    assert_eq!(a.await.unwrap(), 1);
    assert!(!c.is_finished());
    server.release("hand");
    assert_eq!(c.await.unwrap(), 3);
}

#[tokio::test]
async fn answers_carry_what_was_written_for_them() {
    let many = Values::Many(vec!["Basic".into(), "Bearer error=\"invalid_token\"".into()]);
    let respond = Respond {
        status: 401,
        headers: [("WWW-Authenticate".to_owned(), many)].into(),
        bytes: Some("AP8=".into()),
        ..Respond::default()
    };
    let server = start(
        Script::new()
            .step(Step::on("GET", "/bytes").respond(respond))
            .step(Step::on("GET", "/json").json(200, json!(1)).header("Content-Type", "text/plain"))
            .step(Step::on("HEAD", "/head").text(200, "four"))
            .step(Step::on("DELETE", "/none").respond(Respond { status: 204, ..Respond::default() })),
    );
    let mut client = Client::connect(&server).await;
    let reply = client.send(request("GET", "/bytes", "", "")).await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (401, &[0, 255][..]));
    assert_eq!(reply.headers.get_all("www-authenticate").iter().count(), 2);
    let reply = client.send(request("GET", "/json", "", "")).await.unwrap();
    assert_eq!(reply.headers.get_all("content-type").iter().collect::<Vec<_>>(), ["text/plain"]);
    let reply = client.send(request("HEAD", "/head", "", "")).await.unwrap();
    assert_eq!((reply.body.len(), &reply.headers["content-length"]), (0, &"4".parse().unwrap()));
    assert_eq!(client.send(request("DELETE", "/none", "", "")).await.unwrap().status, 204);
    server.assert_consumed();
}

#[tokio::test]
async fn a_body_in_chunks_is_read_whole() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = start(Script::new().step(Step::on("POST", "/a").json(200, json!(1)).times(2)));
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let chunked =
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    let plain = "POST /a HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nfg";
    socket.write_all([chunked, plain].concat().as_bytes()).await.unwrap();
    socket.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(server.log().into_iter().map(|entry| entry.body).collect::<Vec<_>>(), ["abcde", "fg"]);
}

#[tokio::test]
async fn other_languages_write_the_script_and_read_the_log_over_http() {
    let server = start(Script::new());
    let script = json!({"steps": [
        {"match": {"method": "GET", "path": "/data", "token": "old"},
         "respond": {"status": 401, "headers": {"WWW-Authenticate": "Bearer"}, "json": {"error": "x"}},
         "repeat": 2, "barrier": 2},
        {"match": {"path": "/data"}, "respond": {"text": "ok"}, "repeat": "always", "delay_ms": 1},
        {"match": {"path": "/cut"}, "fault": "close_before_response"},
        {"match": {"path": "/short"}, "respond": {"text": "long"}, "fault": {"truncate": {"bytes": 1}}},
        {"match": {"path": "/held"}, "hold": "x"},
    ]});
    assert_eq!(call(&server, "POST", "/__script", "", &script.to_string()).await.status, 204);
    let (one, two) = tokio::join!(get(&server, "/data", "old"), get(&server, "/data", "old"));
    assert_eq!((one.status, two.status), (401, 401));
    assert_eq!(&get(&server, "/data", "new").await.body[..], b"ok");
    let reply = call(&server, "GET", "/__consumed", "", "").await;
    assert_eq!((reply.status, reply.json()["complaints"].as_array().unwrap().len()), (409, 3));
    assert!(common::try_call(&server, "GET", "/cut", "", "").await.is_err());
    assert!(common::try_call(&server, "GET", "/short", "", "").await.is_err());
    assert_eq!(call(&server, "POST", "/__release", "", r#"{"name": "x"}"#).await.status, 204);
    assert_eq!(get(&server, "/held", "").await.status, 200);
    assert_eq!(get(&server, "/__consumed", "").await.status, 200);
    let log = get(&server, "/__log?wait=6", "").await.json();
    assert_eq!(log.as_array().unwrap().len(), 6);
    assert_eq!(log[0]["authorization"], "Bearer old");
}

#[tokio::test]
async fn a_script_that_is_wrong_is_refused_with_the_reason() {
    let server = start(Script::new());
    for (script, reason) in [
        (json!({"steps": [{"repond": {}}]}), "repond"),
        (json!({"steps": [{"respond": {"text": "a", "json": 1}}]}), "one of"),
        (json!({"steps": [{"respond": {"bytes": "%"}}]}), "bytes"),
        (json!({"steps": [{"repeat": "sometimes"}]}), "Repeat"),
    ] {
        let reply = call(&server, "POST", "/__script", "", &script.to_string()).await;
        assert_eq!(reply.status, 400);
        assert!(reply.json()["error"].as_str().unwrap().contains(reason), "{}", reply.json());
    }
    assert_eq!(get(&server, "/__counters", "").await.status, 400);
}

#[test]
fn a_script_survives_json() {
    let script = Script::new()
        .step(Step::on("GET", "/a").token("t").json(200, json!(1)).times(2).hold("x").release("y"))
        .step(Step::on("GET", "/b").text(500, "x").always().delay_ms(5).barrier(2).body_contains("z"));
    let text = serde_json::to_string(&script).unwrap();
    assert_eq!(serde_json::from_str::<Script>(&text).unwrap(), script);
}
