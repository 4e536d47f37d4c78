//! Token endpoints that answer with anything at all: a clear error, the credential kept, no hang.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use rekindle::transport::{Transport, TransportError, TransportRequest, TransportResponse};
use rekindle::{ErrorKind, Rotation, Session};

/// Answers every token request with the same chunk, over and over.
struct Flood {
    status: u16,
    chunk: Bytes,
    times: usize,
    /// Chunks that were taken.
    taken: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for Flood {
    async fn send(&self, _: TransportRequest) -> Result<TransportResponse, TransportError> {
        let (chunk, taken) = (self.chunk.clone(), self.taken.clone());
        let chunks = (0..self.times).map(move |_| {
            taken.fetch_add(1, Ordering::SeqCst);
            Ok(chunk.clone())
        });
        let status = StatusCode::from_u16(self.status).unwrap();
        Ok(TransportResponse::new(status, HeaderMap::new(), Box::pin(stream::iter(chunks))))
    }
}

async fn refreshed(
    status: u16,
    chunk: impl Into<Bytes>,
    times: usize,
) -> (Result<String, ErrorKind>, usize, Session) {
    let taken = Arc::new(AtomicUsize::new(0));
    let transport = Arc::new(Flood { status, chunk: chunk.into(), times, taken: taken.clone() });
    let session = Session::builder("oauth2")
        .token_url("https://auth.test/token")
        .client_id("app")
        .tokens("sentinel-at", "sentinel-rt")
        .rotation(Rotation::Strict)
        .transport(transport)
        .build()
        .unwrap();
    let result = session.refresh().await;
    let result = match result {
        Ok(token) => Ok(token.value().to_owned()),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("sentinel"), "{shown}");
            Err(error.kind())
        }
    };
    (result, taken.load(Ordering::SeqCst), session)
}

// spec 5.6
#[tokio::test]
async fn of_an_endless_answer_one_mebibyte_is_read() {
    let megabyte = vec![b' '; 1024 * 1024];
    let (result, taken, session) = refreshed(200, megabyte, 100).await;
    assert_eq!(result, Err(ErrorKind::RefreshFailed));
    // The first fills the limit, the second is beyond it; and an unreadable answer is asked for once more.
    assert_eq!(taken, 4);
    assert_eq!(session.token().await.unwrap().value(), "sentinel-at");
}

// spec 1.3, 5.1
#[tokio::test]
async fn whatever_an_answer_holds_nobody_is_signed_out_and_the_old_token_is_served() {
    let answers: [(u16, &[u8], ErrorKind); 9] = [
        (200, b"", ErrorKind::RefreshFailed),
        (200, b"\xff\xfe\x00", ErrorKind::RefreshFailed),
        (200, b"{\"access_token\":", ErrorKind::RefreshFailed),
        (200, b"{\"access_token\":\"\"}", ErrorKind::RefreshFailed),
        (200, b"{\"access_token\":{\"a\":1}}", ErrorKind::RefreshFailed),
        (200, b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ErrorKind::RefreshFailed),
        (200, b"<html>sign in to the network</html>", ErrorKind::RefreshFailed),
        (404, b"<html>not found</html>", ErrorKind::RefreshFailed),
        (401, b"{\"error\":\"invalid_client\"}", ErrorKind::ClientRejected),
    ];
    for (status, body, kind) in answers {
        let (result, _, session) = refreshed(status, body.to_vec(), 1).await;
        assert_eq!(result, Err(kind), "{status} {:?}", String::from_utf8_lossy(body));
        assert_eq!(session.token().await.unwrap().value(), "sentinel-at");
        assert_eq!(session.stats().logins_required, 0);
    }
}

// spec 1.3
#[tokio::test]
async fn a_lifetime_that_makes_no_sense_is_unknown() {
    for lifetime in ["0", "-1", "1e300", "\"soon\"", "null", "[]", "99999999999999999999999"] {
        let body =
            format!("{{\"access_token\":\"at-2\",\"token_type\":\"Bearer\",\"expires_in\":{lifetime}}}");
        let (result, _, session) = refreshed(200, body, 1).await;
        assert_eq!(result.unwrap(), "at-2", "{lifetime}");
        assert_eq!(session.token().await.unwrap().expires_at(), None, "{lifetime}");
    }
}

// spec 5.12
#[tokio::test]
async fn a_token_that_is_no_header_is_no_grant_and_the_old_one_stays() {
    let body =
        "{\"access_token\":\"sentinel\\ninjected: 1\",\"token_type\":\"Bearer\",\"refresh_token\":\"rt-2\"}";
    let (result, _, session) = refreshed(200, body, 1).await;
    assert!(result.is_err());
    assert_eq!(session.token_if_valid().unwrap().value(), "sentinel-at");
    assert!(session.status().refreshable);
}
