//! The same behind a proxy: in the clear, where it sees the requests, and through a tunnel.

use rekindle::ReplayRefused;

use crate::server::{Early, Proxied};
use crate::{Given, LENGTH, given};

const ORIGINS: [&str; 2] = ["http://api.test", "https://api.test"];

// spec 11.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_through_a_proxy_is_the_answer_though_the_connection_breaks_then() {
    let mut broken = Vec::new();
    for origin in ORIGINS {
        for how in [Given::Once, Given::Whole, Given::Factory] {
            for round in 0..12 {
                let proxied = Proxied::start(Early::Closes(413), origin, "");
                let sent = proxied.client.put("/up").body(given(how)).send().await;
                let told = match sent {
                    Ok(response) => response.text().await.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if told.as_deref() != Ok("no") {
                    broken.push(format!("{origin} {how:?} {round}: {told:?}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}: {broken:#?}", broken.len());
}

// spec 3.4, 11.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_through_a_proxy_is_replayed_where_the_body_can_be_sent_again() {
    for origin in ORIGINS {
        for how in [Given::Once, Given::Whole, Given::Factory] {
            let proxied = Proxied::start(Early::Closes(401), origin, "");
            let response = proxied.client.post("/up").body(given(how)).send().await.unwrap();
            if matches!(how, Given::Once) {
                assert_eq!(response.status(), 401);
                assert_eq!(response.replay_refused(), Some(ReplayRefused::BodyNotReplayable));
            } else {
                assert_eq!(response.status(), 200, "{origin} {how:?}");
                assert_eq!(proxied.lengths(), [LENGTH], "{origin} {how:?}");
            }
        }
    }
}

// spec 11.1: base64 of `user:pass word`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxys_password_goes_to_the_proxy_alone() {
    let authorized = "\nproxy-authorization: basic dxnlcjpwyxnzihdvcmq=\n";
    for origin in ORIGINS {
        let proxied = Proxied::start(Early::Accepts, origin, "user:pass word");
        let response = proxied.client.put("/up").body(given(Given::Whole)).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "kept");
        let heads = proxied.heads();
        let (tunnels, others): (Vec<_>, Vec<_>) = heads.iter().partition(|head| head.starts_with("connect "));
        assert_eq!(tunnels.is_empty(), origin.starts_with("http:"), "{heads:?}");
        assert!(tunnels.iter().all(|head| head.contains(authorized)), "{tunnels:?}");
        for head in others {
            assert_eq!(head.contains("proxy-authorization"), tunnels.is_empty(), "{head}");
            assert_eq!(head.contains(authorized), tunnels.is_empty(), "{head}");
            let absolute = head.split(' ').nth(1).unwrap().starts_with("http://api.test/up");
            assert_eq!(absolute, tunnels.is_empty(), "{head}");
        }
    }
}
