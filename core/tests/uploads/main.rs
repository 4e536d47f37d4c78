//! Uploads that are answered before the server has read them (spec 11.1). Sockets and threads only: the server decides
//! byte by byte what it reads and when it closes.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use rekindle::client::{Body, Form};
use rekindle::{ErrorKind, ReplayRefused};

use server::{Early, Server};

mod proxied;
mod server;

const LENGTH: usize = 12 * 1024 * 1024;

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
    assert_eq!(server.lengths(), [LENGTH], "{what}");
    assert!(server.bodies()[0] == content(), "{what}: of the right length, and other bytes");
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
    let (bodies, content) = (server.bodies(), content());
    assert!(bodies.len() == 1 && bodies[0].windows(LENGTH).any(|part| part == content));
}

// spec 11.1: a server that accepts at once and reads afterwards keeps all of it.
#[tokio::test]
async fn an_upload_that_is_accepted_early_is_sent_to_its_end() {
    let (server, file) = (Server::start(Early::Accepts), Arc::new(file()));
    let body = Body::once(shared(&file), Some(LENGTH as u64));
    let response = server.client().put("/up").body(body).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "kept");
    while server.lengths().is_empty() {
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
    assert!(server.lengths().is_empty());
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
            assert_eq!(server.lengths(), [LENGTH]);
        }
    }
}
