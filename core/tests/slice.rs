//! The whole way of a request over real sockets.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rekindle::{Client, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn serve(refreshes: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let refreshes = refreshes.clone();
            tokio::spawn(async move {
                loop {
                    let mut request = Vec::new();
                    let mut chunk = [0; 4096];
                    loop {
                        let n = stream.read(&mut chunk).await.unwrap_or(0);
                        if n == 0 {
                            return;
                        }
                        request.extend_from_slice(&chunk[..n]);
                        let text = String::from_utf8_lossy(&request);
                        if let Some((head, body)) = text.split_once("\r\n\r\n") {
                            let length = head
                                .lines()
                                .find_map(|l| {
                                    l.to_ascii_lowercase()
                                        .strip_prefix("content-length: ")
                                        .map(|n| n.parse::<usize>().unwrap())
                                })
                                .unwrap_or(0);
                            if body.len() >= length {
                                break;
                            }
                        }
                    }
                    let text = String::from_utf8_lossy(&request).to_string();
                    let (status, body) = if text.starts_with("POST /token") {
                        let n = refreshes.fetch_add(1, Ordering::SeqCst) + 1;
                        (
                            "200 OK",
                            format!(
                                "{{\"access_token\":\"at-{n}\",\"refresh_token\":\"rt-{n}\",\"expires_in\":900,\"token_type\":\"Bearer\"}}"
                            ),
                        )
                    } else if text.to_ascii_lowercase().contains("authorization: bearer at-1") {
                        ("200 OK", "{\"ok\":true}".to_owned())
                    } else {
                        ("401 Unauthorized", "{\"error\":\"token_expired\"}".to_owned())
                    };
                    let answer = format!(
                        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn concurrent_401s_make_one_refresh() {
    let refreshes = Arc::new(AtomicU64::new(0));
    let url = serve(refreshes.clone()).await;
    let session = Session::builder("oauth2")
        .token_url(format!("{url}/token"))
        .client_id("app")
        .tokens("at-old", "rt-0")
        .origin(&url)
        .build()
        .unwrap();
    let client = Client::new(session.clone(), &url).unwrap();
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/data").send().await.unwrap().status().as_u16() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(refreshes.load(Ordering::SeqCst), 1);
    assert_eq!(session.stats().refreshes, 1);
}
