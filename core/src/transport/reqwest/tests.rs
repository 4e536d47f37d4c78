//! Over real sockets on loopback, in real time.

use std::net::SocketAddr;

use futures_util::StreamExt;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn transport() -> ReqwestTransport {
    ReqwestTransport::new(TransportOptions::default()).unwrap()
}

fn get(address: SocketAddr) -> TransportRequest {
    TransportRequest::new(Method::GET, Url::parse(&format!("http://{address}/path?secret=sentinel")).unwrap())
}

/// Answers every request on every connection with `answer` (nothing: it closes), and counts connections.
async fn serve(answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            log.lock().push("connection".to_owned());
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut buffer = vec![0; 65536];
                while let Ok(read @ 1..) = socket.read(&mut buffer).await {
                    log.lock().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                    if answer.is_empty() || socket.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                    if answer.contains("close") {
                        return;
                    }
                }
            });
        }
    });
    (address, heard)
}

fn connections(heard: &Mutex<Vec<String>>) -> usize {
    heard.lock().iter().filter(|line| *line == "connection").count()
}

async fn read(response: TransportResponse) -> Result<Vec<u8>, TransportError> {
    let mut body = response.body;
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = transport().send(get(address)).await.err().unwrap();
    assert_eq!(error.sent, Sent::No, "{error}");
    assert!(!format!("{error} {error:?}").contains("sentinel"), "{error:?}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_sent_nothing() {
    let mut request = get("127.0.0.1:1".parse().unwrap());
    request.url = Url::parse("http://nowhere.invalid/").unwrap();
    let options = TransportOptions { proxy: ProxyChoice::None, ..TransportOptions::default() };
    let error = ReqwestTransport::new(options).unwrap().send(request).await.err().unwrap();
    assert_eq!(error.sent, Sent::No, "{error}");
}

#[tokio::test]
async fn a_failed_tls_handshake_sent_nothing() {
    let (address, _) = serve("HTTP/1.1 400 Bad Request\r\n\r\nclose").await;
    let mut request = get(address);
    request.url.set_scheme("https").unwrap();
    let error = transport().send(request).await.err().unwrap();
    assert_eq!(error.sent, Sent::No, "{error}");
}

#[tokio::test]
async fn a_connection_closed_after_the_request_may_have_sent_it() {
    let (address, heard) = serve("").await;
    let error = transport().send(get(address)).await.err().unwrap();
    assert_eq!(error.sent, Sent::Maybe, "{error}");
    assert_eq!(connections(&heard), 1, "reqwest must not send again by itself");
}

#[tokio::test]
async fn a_truncated_body_is_an_error_and_not_a_short_body() {
    let (address, _) =
        serve("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nshort").await;
    let error = read(transport().send(get(address)).await.unwrap()).await.unwrap_err();
    assert_eq!(error.sent, Sent::Maybe, "{error}");
}

#[tokio::test]
async fn pooled_requests_share_a_connection_and_fresh_ones_never_do() {
    let (address, heard) = serve(OK).await;
    let transport = transport();
    for _ in 0..3 {
        assert_eq!(read(transport.send(get(address)).await.unwrap()).await.unwrap(), b"ok");
    }
    assert_eq!(connections(&heard), 1);
    for _ in 0..3 {
        let fresh = TransportRequest { connection: Connection::Fresh, ..get(address) };
        assert_eq!(read(transport.send(fresh).await.unwrap()).await.unwrap(), b"ok");
    }
    assert_eq!(connections(&heard), 4);
}

#[tokio::test]
async fn loopback_never_goes_through_a_proxy() {
    let (address, heard) = serve(OK).await;
    let (proxy, proxied) = serve(OK).await;
    let proxy = ProxyChoice::Url(Url::parse(&format!("http://{proxy}")).unwrap());
    let options = TransportOptions { proxy, ..TransportOptions::default() };
    let transport = ReqwestTransport::new(options).unwrap();
    transport.send(get(address)).await.unwrap();
    assert_eq!((connections(&heard), connections(&proxied)), (1, 0));
    let elsewhere = TransportRequest { url: Url::parse("http://example.invalid/").unwrap(), ..get(address) };
    transport.send(elsewhere).await.unwrap();
    assert_eq!(connections(&proxied), 1);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (address, heard) = serve("HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n").await;
    let response = transport().send(get(address)).await.unwrap();
    assert_eq!(response.status, 302);
    assert_eq!(heard.lock().len(), 2);
}

#[tokio::test]
async fn a_stream_of_known_length_is_not_sent_in_chunks() {
    let (address, heard) = serve(OK).await;
    let chunks = ["ab", "cd"].map(|text| Ok(Bytes::from(text)));
    let stream: crate::transport::ByteStream = Box::pin(futures_util::stream::iter(chunks));
    let post =
        TransportRequest { method: Method::POST, body: Outgoing::Stream(stream, Some(4)), ..get(address) };
    transport().send(post).await.unwrap();
    let said = heard.lock().join("").to_ascii_lowercase();
    assert!(said.contains("content-length: 4") && !said.contains("chunked"), "{said}");
}

#[test]
fn one_transport_serves_two_runtimes_at_once_and_one_after_another() {
    let server = runtime();
    let (address, _) = server.block_on(serve(OK));
    let transport = Arc::new(transport());
    for _ in 0..(RUNTIMES + 3) {
        let body = runtime().block_on(async { read(transport.send(get(address)).await?).await });
        assert_eq!(body.unwrap(), b"ok");
    }
    let runtimes = transport.runtimes.get(|_| Runtimes::default());
    assert_eq!(runtimes.others.lock().known.len(), RUNTIMES);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let address = "127.0.0.1:1".parse().unwrap();
    let error = futures_util::FutureExt::now_or_never(transport().send(get(address))).unwrap().err().unwrap();
    assert_eq!(error.sent, Sent::No);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_proxys_password_is_not_printed() {
    let proxy = ProxyChoice::Url(Url::parse("http://user:sentinel@proxy.test:3128").unwrap());
    let printed = format!("{:?}", TransportOptions { proxy, ..TransportOptions::default() });
    assert!(printed.contains("proxy.test:3128") && !printed.contains("sentinel"), "{printed}");
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let proxy = ProxyChoice::Url(Url::parse("socks5://127.0.0.1:1").unwrap());
    let cases = [
        (TransportOptions { proxy, ..TransportOptions::default() }, "proxy"),
        (TransportOptions { user_agent: "a\nb".into(), ..TransportOptions::default() }, "user_agent"),
    ];
    for (options, name) in cases {
        let error = ReqwestTransport::new(options).unwrap_err().to_string();
        assert!(error.starts_with(&format!("InvalidConfig: {name}")), "{error}");
    }
}
