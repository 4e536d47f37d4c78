//! TLS and HTTP/2 over real sockets, to a server whose certificate only an extra root vouches for.
#![allow(missing_docs, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use h2::server::SendResponse;
use http::{Request, Response, Version};
use rekindle::transport::{ReqwestTransport, TransportOptions};
use rekindle::{Client, ErrorKind, Session};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A REST API that takes `at-2`, and gives it for `rt-1` once.
struct Server {
    address: SocketAddr,
    /// Its own certificate, in PEM.
    root: Vec<u8>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    refreshes: AtomicUsize,
}

impl Server {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let root = made.cert.pem().into_bytes();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls(made.cert.der().clone(), key)));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, counts) = (listener.local_addr().unwrap(), Arc::new(Counts::default()));
        tokio::spawn(listen(listener, tls, counts.clone()));
        Self { address, root, counts }
    }

    fn client(&self, extra_root_certificates: Vec<Vec<u8>>) -> Client {
        let options = TransportOptions { extra_root_certificates, ..TransportOptions::default() };
        let base = format!("https://localhost:{}", self.address.port());
        let session = Session::builder("json")
            .token_url(format!("{base}/refresh"))
            .tokens("at-1", "rt-1")
            .transport(ReqwestTransport::new(options).unwrap())
            .build()
            .unwrap();
        Client::new(session, base).unwrap()
    }
}

fn tls(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

async fn listen(listener: TcpListener, tls: TlsAcceptor, counts: Arc<Counts>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(connection(socket, tls.clone(), counts.clone()));
    }
}

async fn connection(socket: TcpStream, tls: TlsAcceptor, counts: Arc<Counts>) {
    // Who does not trust us breaks off here.
    let Ok(socket) = tls.accept(socket).await else { return };
    counts.connections.fetch_add(1, SeqCst);
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        answer(&request, respond, &counts);
    }
}

fn answer<B>(request: &Request<B>, mut respond: SendResponse<Bytes>, counts: &Counts) {
    let (status, body) = match request.uri().path() {
        "/refresh" if counts.refreshes.fetch_add(1, SeqCst) == 0 => {
            (200, r#"{"accessToken":"at-2","refreshToken":"rt-2"}"#)
        }
        "/refresh" => (401, r#"{"error":"invalid_refresh_token"}"#),
        _ => {
            counts.requests.fetch_add(1, SeqCst);
            let fresh = request.headers().get("authorization").is_some_and(|token| token == "Bearer at-2");
            if fresh { (200, r#"{"id":7}"#) } else { (401, r#"{"error":"token_expired"}"#) }
        }
    };
    let head =
        Response::builder().status(status).header("content-type", "application/json").body(()).unwrap();
    let mut stream = respond.send_response(head, false).unwrap();
    stream.send_data(Bytes::from_static(body.as_bytes()), true).unwrap();
}

// spec 3.2, 4.1
#[tokio::test]
async fn twenty_requests_over_one_http2_connection_make_one_refresh() {
    let server = Server::start().await;
    let client = server.client(vec![server.root.clone()]);
    assert_eq!(client.get("/pupils").send().await.unwrap().version(), Version::HTTP_2);
    assert_eq!(server.counts.refreshes.load(SeqCst), 1, "the first request met an expired token");
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/pupils").send().await.unwrap().bytes().await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), r#"{"id":7}"#);
    }
    let counts = &server.counts;
    assert_eq!((counts.refreshes.load(SeqCst), counts.requests.load(SeqCst)), (1, 22));
    // One for the API; the token request, whose fate must be known, has its own (spec 5.6).
    assert_eq!(counts.connections.load(SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_no_root_vouches_for_gets_nothing() {
    let server = Server::start().await;
    let error = server.client(Vec::new()).get("/pupils").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(server.counts.requests.load(SeqCst), 0);
}

/// Ends each connection at its first request, and quotes a token while it does.
async fn ends_connections(listener: TcpListener, tls: TlsAcceptor) {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const QUOTE: &[u8] = b"token at-1 is over";
    while let Ok((socket, _)) = listener.accept().await {
        let Ok(mut socket) = tls.accept(socket).await else { continue };
        let mut piece = [0; 4096];
        socket.write_all(SETTINGS).await.unwrap();
        let mut read = 0;
        // The preface and the settings are fewer bytes than these with a request.
        while read < 120 {
            match socket.read(&mut piece).await.unwrap() {
                0 => break,
                more => read += more,
            }
        }
        // GOAWAY, no stream was served, ENHANCE_YOUR_CALM (RFC 9113 section 6.8).
        let mut frame =
            vec![0, 0, 8 + u8::try_from(QUOTE.len()).unwrap(), 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
        frame.extend_from_slice(QUOTE);
        socket.write_all(&frame).await.unwrap();
        while socket.read(&mut piece).await.is_ok_and(|read| read > 0) {}
    }
}

// spec 2.7
#[tokio::test]
async fn what_a_server_writes_when_it_ends_a_connection_is_not_shown() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let root = made.cert.pem().into_bytes();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls(made.cert.der().clone(), key)));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(ends_connections(listener, acceptor));
    let server = Server { address, root: root.clone(), counts: Arc::default() };
    let client = server.client(vec![root]);
    let error = client.post("/data").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let shown = format!("{error} {error:?} {:?}", error.causes());
    assert!(shown.contains("ENHANCE_YOUR_CALM"), "{shown}");
    assert!(!shown.contains("at-1") && !shown.contains("over"), "{shown}");
}
