//! A minute of 1,000 requests a second, on a URL that accepts the token and on one that rejects every token (spec 3.6).
//!
//! Takes a minute, prints what it found, and fails where the good URL does:
//!
//! ```text
//! cargo run --release -p rekindle --example load
//! ```
//!
//! `REKINDLE_LOAD_SECONDS` makes it shorter or longer, `REKINDLE_LOAD_RATE` (requests a second, a multiple of 200) gentler,
//! for a machine that cannot keep up. The same in virtual time is part of the ordinary tests:
//! `machine::tests::load` in rekindle-proto.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use rekindle::{Client, Session};
use rekindle_test_server::{AuthServer, Rotation, Script, SeedDialect, Step};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const A_SECOND: u64 = 100;

#[derive(Default)]
struct Got {
    accepted: Vec<Duration>,
    rejected: usize,
    failed: Vec<String>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (seconds, rate) = (given("REKINDLE_LOAD_SECONDS", 60), given("REKINDLE_LOAD_RATE", 1_000));
    // Every ten milliseconds, as many to either URL.
    let at_once = usize::try_from(rate / A_SECOND / 2).unwrap();
    let server = AuthServer::builder()
        .dialect(SeedDialect::OAuth)
        .rotation(Rotation::StrictFamily)
        .script(
            Script::new().step(Step::on("GET", "/bad").json(401, json!({"error": "invalid_token"})).always()),
        )
        .start()
        .unwrap();
    let tokens = server.sign_in();
    let session = Session::builder("oauth2")
        .token_url(format!("{}/oauth/token", server.base_url()))
        .client_id("app")
        .client_secret("app-secret")
        .origin(server.base_url())
        .tokens(tokens.access_token, tokens.refresh_token)
        .build()
        .unwrap();
    let client = Client::new(session, server.base_url()).unwrap();

    let mut under_way = JoinSet::new();
    let mut ticks = interval(Duration::from_millis(10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    for _ in 0..seconds * A_SECOND {
        ticks.tick().await;
        for path in ["/data", "/bad"].into_iter().flat_map(|path| std::iter::repeat_n(path, at_once)) {
            let client = client.clone();
            under_way.spawn(async move {
                let asked = Instant::now();
                (
                    path,
                    client.get(path).send().await.map(|response| response.status().as_u16()),
                    asked.elapsed(),
                )
            });
        }
    }
    let (mut good, mut bad) = (Got::default(), Got::default());
    while let Some(done) = under_way.join_next().await {
        let (path, status, took) = done.unwrap();
        let got = if path == "/data" { &mut good } else { &mut bad };
        match status {
            Ok(200) => got.accepted.push(took),
            Ok(401) => got.rejected += 1,
            Ok(status) => got.failed.push(format!("status {status}")),
            Err(error) => got.failed.push(format!("{error:?}")),
        }
    }
    good.accepted.sort();
    let asked = usize::try_from(seconds * A_SECOND).unwrap() * at_once;
    let counters = server.counters();
    let of = |part: usize| good.accepted.get(good.accepted.len() * part / 1000).copied().unwrap_or_default();
    println!("{} requests in {:.1} s", 2 * asked, begun.elapsed().as_secs_f64());
    println!(
        "good URL: {} accepted, {} rejected, {} failed",
        good.accepted.len(),
        good.rejected,
        good.failed.len()
    );
    println!(
        "bad URL:  {} accepted, {} rejected, {} failed",
        bad.accepted.len(),
        bad.rejected,
        bad.failed.len()
    );
    println!("good URL: median {:?}, 99 % within {:?}, 99.9 % within {:?}", of(500), of(990), of(999));
    println!("{} refreshes, {} reuses of a refresh token", counters.refreshes, counters.reuses_detected);

    assert_eq!((good.accepted.len(), good.failed.first()), (asked, None));
    assert_eq!((bad.rejected, bad.failed.first()), (asked, None));
    // At 0, 10 and 20 s, then after pauses of 30 s, 60 s ..
    let most = [0, 10, 20, 50, 110, 230].iter().filter(|at| **at <= begun.elapsed().as_secs()).count();
    assert!((1..=u64::try_from(most).unwrap()).contains(&counters.refreshes), "{}", counters.refreshes);
    assert_eq!(counters.reuses_detected, 0);
}

fn given(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
