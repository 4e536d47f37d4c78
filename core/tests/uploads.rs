//! Uploads that are answered before the server has read them (spec 11.1). Sockets and threads only: the server decides
//! byte by byte what it reads and when it closes.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use rekindle::RetryPolicy;
use rekindle::client::{Body, Form};
use rekindle::{Client, ErrorKind, ReplayRefused, Session};

const LENGTH: usize = 12 * 1024 * 1024;

/// What the server does with the first upload.
#[derive(Clone, Copy)]
enum Early {
    /// Answers at the head, and reads on when the next upload has begun, as long as something comes.
    ReadsOn(u16),
    /// Accepts at the head, and reads all of it.
    Accepts,
    /// Answers at the head and closes, though the body still comes: the peer's next write breaks off.
    Closes(u16),
}

/// Which uploads have begun.
#[derive(Default)]
struct First {
    begun: bool,
    second: bool,
}

struct Server {
    url: String,
    /// Bodies that came whole.
    whole: Arc<Mutex<Vec<Vec<u8>>>>,
    /// How often a request may be sent for transient failures.
    sends: u32,
}

impl Server {
    fn start(early: Early) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let whole = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let (bodies, first) = (whole.clone(), Arc::<(Mutex<First>, Condvar)>::default());
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (bodies, first) = (bodies.clone(), first.clone());
                thread::spawn(move || serve(socket.unwrap(), early, &first, &bodies));
            }
        });
        let sends = if matches!(early, Early::ReadsOn(503)) { 2 } else { 1 };
        Self { url, whole, sends }
    }

    fn client(&self) -> Client {
        let session = Session::builder("json")
            .token_url(format!("{}/refresh", self.url))
            .tokens("at-1", "rt-1")
            .origin(&self.url)
            .build()
            .unwrap();
        // A retry would hide that the second upload was cut short.
        let retry = RetryPolicy { max_sends: self.sends, ..RetryPolicy::never() };
        Client::builder(session).base_url(&self.url).retry(retry).build().unwrap()
    }
}

fn serve(
    socket: TcpStream,
    early: Early,
    first: &(Mutex<First>, Condvar),
    bodies: &Mutex<Vec<Vec<u8>>>,
) -> Option<()> {
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    loop {
        let (path, length) = head(&mut reader)?;
        if path == "/refresh" {
            body(&mut reader, length)?;
            answer(&socket, 200, r#"{"access_token":"at-2","refresh_token":"rt-2"}"#)?;
            continue;
        }
        if std::mem::replace(&mut first.0.lock().unwrap().begun, true) {
            first.0.lock().unwrap().second = true;
            first.1.notify_all();
            let body = body(&mut reader, length)?;
            bodies.lock().unwrap().push(body);
            answer(&socket, 200, "kept")?;
            continue;
        }
        match early {
            Early::Accepts => {
                answer(&socket, 200, "kept")?;
                let body = body(&mut reader, length)?;
                bodies.lock().unwrap().push(body);
            }
            Early::ReadsOn(status) => {
                answer(&socket, status, "no")?;
                let begun = first.0.lock().unwrap();
                let second = |first: &mut First| !first.second;
                drop(first.1.wait_timeout_while(begun, Duration::from_secs(10), second).unwrap());
                body(&mut reader, length)?;
            }
            Early::Closes(status) => {
                answer(&socket, status, "no")?;
                return None;
            }
        }
    }
}

fn head(reader: &mut impl BufRead) -> Option<(String, Option<usize>)> {
    let mut line = String::new();
    let (mut path, mut length) = (String::new(), None);
    while reader.read_line(&mut line).ok()? > 0 {
        let text = line.trim_end().to_ascii_lowercase();
        match text.split_once(':') {
            _ if text.is_empty() => return Some((path, length)),
            Some(("content-length", value)) => length = value.trim().parse().ok(),
            None => path = text.split(' ').nth(1)?.to_owned(),
            _ => {}
        }
        line.clear();
    }
    None
}

/// Of known length, or in chunks.
fn body(reader: &mut impl BufRead, length: Option<usize>) -> Option<Vec<u8>> {
    let mut all = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut all).ok()?;
    while length.is_none() {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut chunk = vec![0; usize::from_str_radix(line.trim(), 16).ok()? + 2];
        reader.read_exact(&mut chunk).ok()?;
        if chunk.len() == 2 {
            break;
        }
        all.extend_from_slice(&chunk[..chunk.len() - 2]);
    }
    Some(all)
}

fn answer(mut socket: &TcpStream, status: u16, text: &str) -> Option<()> {
    let length = text.len();
    // In one piece: closing drops what has not left yet.
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nLocation: /again\r\nRetry-After: 0\r\n\
         Content-Length: {length}\r\n\r\n{text}"
    );
    socket.write_all(head.as_bytes()).ok()
}

fn content() -> Vec<u8> {
    (0..LENGTH).map(|at| (at / 7 % 251) as u8).collect()
}

fn file() -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content()).unwrap();
    file
}

/// One handle for all sends, read off the runtime: a read that has begun moves the place for all of them.
fn shared(file: &Arc<File>) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    (&**file).rewind().unwrap();
    stream::try_unfold(file.clone(), |file| async move {
        let read = move || {
            let mut chunk = vec![0; 64 * 1024];
            let read = (&*file).read(&mut chunk)?;
            chunk.truncate(read);
            Ok((read > 0).then(|| (Bytes::from(chunk), file)))
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    })
}

fn whole(server: &Server, what: &str) {
    let bodies = server.whole.lock().unwrap();
    assert_eq!(bodies.iter().map(Vec::len).collect::<Vec<_>>(), [LENGTH], "{what}");
    assert!(bodies[0] == content(), "{what}: of the right length, and other bytes");
}

// spec 11.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_both_sends_share_is_sent_whole_after_an_early_answer() {
    for status in [401, 503, 307] {
        for early in [Early::ReadsOn(status)] {
            for round in 0..2 {
                let (server, file) = (Server::start(early), Arc::new(file()));
                let body = Body::factory(move || shared(&file), Some(LENGTH as u64));
                let response = server.client().put("/up").body(body).send().await;
                assert_eq!(response.unwrap().status(), 200, "{status}, round {round}");
                whole(&server, &format!("{status}, round {round}"));
            }
        }
    }
}

// spec 11.1
#[tokio::test]
async fn a_form_with_a_file_is_sent_whole_after_an_early_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, content()).unwrap();
    let server = Server::start(Early::ReadsOn(401));
    let response = server.client().post("/up").multipart(Form::new().file("f", path)).send().await;
    assert_eq!(response.unwrap().status(), 200);
    let (bodies, content) = (server.whole.lock().unwrap(), content());
    assert!(bodies.len() == 1 && bodies[0].windows(LENGTH).any(|part| part == content));
}

// spec 11.1: a server that accepts at once and reads afterwards keeps all of it.
#[tokio::test]
async fn an_upload_that_is_accepted_early_is_sent_to_its_end() {
    let (server, file) = (Server::start(Early::Accepts), Arc::new(file()));
    let body = Body::once(shared(&file), Some(LENGTH as u64));
    let response = server.client().put("/up").body(body).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "kept");
    while server.whole.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    whole(&server, "accepted");
}

// spec 11.1: a file that has become shorter is no shorter body.
#[tokio::test]
async fn a_body_that_is_shorter_than_its_length_is_an_error() {
    let (server, file) = (Server::start(Early::Accepts), Arc::new(file()));
    let body = Body::once(shared(&file), Some(LENGTH as u64 + 1));
    let error = server.client().post("/up").body(body).send().await.err();
    assert!(error.is_none_or(|error| error.kind() == ErrorKind::Connection));
    assert!(server.whole.lock().unwrap().is_empty());
}

/// How an upload is given.
#[derive(Clone, Copy, Debug)]
enum Given {
    Once,
    Whole,
    Factory,
}

fn given(how: Given) -> Body {
    let chunk = Bytes::from(vec![7; 64 * 1024]);
    let chunks = move || {
        stream::iter(
            (0..LENGTH / chunk.len()).map(|_| Ok(chunk.clone())).collect::<Vec<std::io::Result<Bytes>>>(),
        )
    };
    match how {
        Given::Once => Body::once(chunks(), Some(LENGTH as u64)),
        Given::Whole => Body::from(vec![7; LENGTH]),
        Given::Factory => Body::factory(chunks, Some(LENGTH as u64)),
    }
}

// spec 11.1: the answer was there before the connection broke.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_is_the_answer_though_the_connection_breaks_then() {
    let mut broken = Vec::new();
    for status in [413, 403] {
        for how in [Given::Once, Given::Whole, Given::Factory] {
            for round in 0..8 {
                let server = Server::start(Early::Closes(status));
                match server.client().post("/up").body(given(how)).send().await {
                    Ok(response) => {
                        assert_eq!(response.status(), status, "{how:?}, round {round}");
                        match response.text().await {
                            Ok(text) => assert_eq!(text, "no"),
                            Err(error) => broken.push(format!("{status} {how:?} {round} body {error}")),
                        }
                    }
                    Err(error) => broken.push(format!("{status} {how:?} {round} {error}")),
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}: {broken:#?}", broken.len());
}

// spec 3.4, 11.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_before_the_connection_breaks_is_replayed_where_the_body_can_be_sent_again() {
    for how in [Given::Once, Given::Whole, Given::Factory] {
        let server = Server::start(Early::Closes(401));
        let response = server.client().post("/up").body(given(how)).send().await.unwrap();
        if matches!(how, Given::Once) {
            assert_eq!(response.status(), 401);
            assert_eq!(response.replay_refused(), Some(ReplayRefused::BodyNotReplayable));
        } else {
            assert_eq!(response.status(), 200, "{how:?}");
            assert_eq!(server.whole.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [LENGTH]);
        }
    }
}
