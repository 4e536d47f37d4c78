//! `Client` against bare reqwest, on the same server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use rekindle::clock::{Clock, SystemClock};
use rekindle::{Client, Session};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::clock::StdClock;
use crate::measure::{Compared, Took, by_process, compared};
use crate::server::{PUPILS, Server};

const CONCURRENT: usize = 64;
const TOKEN: &str = "at-0123456789abcdef0123456789abcdef";
const QUERY: &str = "query Pupils($form: String!) { pupils(form: $form) { id name form present } }";
const ACCEPTED: &str = "application/graphql-response+json, application/json;q=0.9";

/// GETs of 1 KB.
pub(crate) fn small(server: &Server, rounds: usize, each: usize) -> Compared {
    let (runtime, ours, theirs) = both(server, "json", Arc::new(SystemClock));
    let url: Arc<str> = format!("{}/pupils", server.url).into();
    compared(
        rounds,
        each * CONCURRENT,
        || run(&runtime, || get_ours(ours.clone(), each)),
        || run(&runtime, || get_theirs(theirs.clone(), Arc::clone(&url), each)),
    )
}

/// GraphQL answers of 100 KB, parsed.
pub(crate) fn graphql(server: &Server, rounds: usize, each: usize) -> Compared {
    let (runtime, ours, theirs) = both(server, "graphql", Arc::new(SystemClock));
    let url: Arc<str> = format!("{}/graphql", server.url).into();
    compared(
        rounds,
        each * CONCURRENT,
        || run(&runtime, || query_ours(ours.clone(), each)),
        || run(&runtime, || query_theirs(theirs.clone(), Arc::clone(&url), each)),
    )
}

/// Only one of the two, for a profiler.
pub(crate) fn alone(server: &Server, what: &str, each: usize) {
    let dialect = if what.ends_with("query") { "graphql" } else { "json" };
    let (runtime, ours, theirs) = both(server, dialect, Arc::new(StdClock(Instant::now())));
    let url = |path: &str| Arc::<str>::from(format!("{}{path}", server.url));
    match what {
        "our-get" => at_once(&runtime, || get_ours(ours.clone(), each)),
        "their-get" => at_once(&runtime, || get_theirs(theirs.clone(), url("/pupils"), each)),
        "our-query" => at_once(&runtime, || query_ours(ours.clone(), each)),
        _ => at_once(&runtime, || query_theirs(theirs.clone(), url("/graphql"), each)),
    }
}

/// One thread for the client: with the server's that makes two, and requests/s is what a core does.
fn both(server: &Server, dialect: &str, clock: Arc<dyn Clock>) -> (Runtime, Client, reqwest::Client) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let session = Session::builder(dialect)
        .token_url(format!("{}/token", server.url))
        .tokens(TOKEN, "rt-1")
        .expires_in(Duration::from_secs(3600))
        .clock(clock)
        .build()
        .expect("a session");
    let ours = Client::new(session, &server.url).expect("a client");
    (runtime, ours, bare())
}

/// reqwest with what its user would set: TLS that is never used here, and the same headers go out.
fn bare() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent("rekindle/0.1.0")
        .no_proxy()
        .build()
        .expect("a client")
}

/// The same task, `CONCURRENT` times at once.
fn run<F: Future<Output = ()> + Send + 'static>(runtime: &Runtime, task: impl Fn() -> F) -> Took {
    by_process(|| at_once(runtime, task))
}

fn at_once<F: Future<Output = ()> + Send + 'static>(runtime: &Runtime, task: impl Fn() -> F) {
    runtime.block_on(async {
        let mut tasks: JoinSet<()> = (0..CONCURRENT).map(|_| task()).collect();
        while let Some(done) = tasks.join_next().await {
            done.expect("a request");
        }
    });
}

async fn get_ours(client: Client, each: usize) {
    for _ in 0..each {
        let response = client.get("/pupils").send().await.expect("a response");
        assert_eq!(response.bytes().await.expect("a body").len(), 1024);
    }
}

async fn get_theirs(client: reqwest::Client, url: Arc<str>, each: usize) {
    for _ in 0..each {
        let request = client.get(&*url).header(AUTHORIZATION, bearer());
        let response = request.send().await.expect("a response");
        assert_eq!(response.bytes().await.expect("a body").len(), 1024);
    }
}

async fn query_ours(client: Client, each: usize) {
    for _ in 0..each {
        let data: Data = client.graphql(QUERY, Variables { form: "4b" }).await.expect("data");
        assert_eq!(data.pupils.len(), PUPILS);
    }
}

async fn query_theirs(client: reqwest::Client, url: Arc<str>, each: usize) {
    for _ in 0..each {
        let call = Call { query: QUERY, variables: Variables { form: "4b" } };
        let response = client
            .post(&*url)
            .header(AUTHORIZATION, bearer())
            .header(ACCEPT, ACCEPTED)
            .header(CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(&call).expect("JSON"))
            .send()
            .await
            .expect("a response");
        let body = response.bytes().await.expect("a body");
        let answer: Answer = serde_json::from_slice(&body).expect("an answer");
        assert!(answer.errors.is_none());
        assert_eq!(answer.data.map_or(0, |data| data.pupils.len()), PUPILS);
    }
}

fn bearer() -> HeaderValue {
    HeaderValue::from_static("Bearer at-0123456789abcdef0123456789abcdef")
}

#[derive(Serialize)]
struct Call<'a> {
    query: &'a str,
    variables: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    form: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    errors: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
struct Data {
    pupils: Vec<Pupil>,
}

/// What a caller would make of it.
#[derive(Deserialize)]
struct Pupil {
    #[expect(dead_code, reason = "parsed, which is the point")]
    id: u32,
    #[expect(dead_code, reason = "parsed, which is the point")]
    name: String,
    #[expect(dead_code, reason = "parsed, which is the point")]
    form: String,
    #[expect(dead_code, reason = "parsed, which is the point")]
    present: bool,
}
