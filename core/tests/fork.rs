//! Programs that fork, with the hooks around it and without.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fork::Fork;
use rekindle::store::{Expected, FileStore, Loaded, Saved, Store, Unavailable};
use rekindle::{Client, Error, ErrorKind, Rotation, Session, SessionBuilder};
use rekindle_test_server::{AuthServer, Rotation as Rotates};

const PATIENCE: Duration = Duration::from_secs(30);
const WELL: i32 = 42;

fn server() -> AuthServer {
    AuthServer::builder().configure(|config| config.rotation = Rotates::StrictFamily).start().unwrap()
}

fn session_at(server: &AuthServer) -> SessionBuilder {
    let (api, tokens) = (server.base_url(), server.sign_in());
    Session::builder("json")
        .token_url(format!("{api}/refresh"))
        .origin(&api)
        .rotation(Rotation::Strict)
        .tokens(tokens.access_token, tokens.refresh_token)
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

/// A fork, with rekindle's functions around it or without. The child ends with `work`, or by itself if that hangs.
fn forked(hooks: bool, work: impl FnOnce() -> bool) -> i32 {
    if hooks {
        rekindle::fork::before();
    }
    let child = match fork::fork().unwrap() {
        Fork::Child => {
            if hooks {
                rekindle::fork::after_in_child();
            }
            std::thread::spawn(|| {
                std::thread::sleep(PATIENCE);
                std::process::exit(1);
            });
            let well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
            std::process::exit(if well { WELL } else { 2 });
        }
        Fork::Parent(child) => child,
    };
    if hooks {
        rekindle::fork::after_in_parent();
    }
    child
}

fn ended_well(child: i32) -> bool {
    let status = fork::waitpid(child).unwrap();
    fork::WIFEXITED(status) && fork::WEXITSTATUS(status) == WELL
}

fn goes_on(hooks: bool, store: &Path) {
    let server = server();
    let session = session_at(&server).store(FileStore::new(store)).build().unwrap();
    let client = Client::new(session.clone(), server.base_url()).unwrap();
    let get = || wait(client.get("/data").send()).unwrap().status();
    assert_eq!(get(), 200);
    let old = wait(session.token()).unwrap().generation();
    let child = forked(hooks, || {
        let served = wait(session.token()).unwrap().generation() == old;
        let fresh = wait(session.refresh()).unwrap().generation() == old + 1;
        served && fresh && get() == 200
    });
    assert!(ended_well(child));
    assert_eq!(wait(session.refresh()).unwrap().generation(), old + 1, "the child's is adopted");
    assert_eq!(get(), 200);
    let counters = server.counters();
    assert_eq!((counters.refresh_requests, counters.reuses_detected), (1, 0));
}

// spec 4.9
#[test]
fn a_child_goes_on_with_what_it_inherited_and_the_parent_adopts_what_it_got() {
    let home = tempfile::tempdir().unwrap();
    goes_on(true, &home.path().join("session.json"));
}

// spec 4.9
#[test]
fn a_fork_that_nobody_told_of_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    goes_on(false, &home.path().join("session.json"));
}

// spec 4.9
#[test]
fn a_child_does_not_spend_the_refresh_token_of_a_session_in_memory() {
    let server = server();
    let session = session_at(&server).build().unwrap();
    let token = wait(session.token()).unwrap().value().to_owned();
    for hooks in [true, false] {
        let refused =
            |error: Error| error.kind() == ErrorKind::Misuse && error.message().contains("FileStore");
        let child = forked(hooks, || {
            wait(session.token()).unwrap().value() == token
                && refused(wait(session.force_refresh()).unwrap_err())
        });
        assert!(ended_well(child));
    }
    wait(session.refresh()).unwrap();
    assert_eq!(server.counters().refresh_requests, 1);
}

/// A file that is written so often, and no more.
struct Fills {
    file: FileStore,
    left: AtomicI32,
}

#[async_trait]
impl Store for Fills {
    fn identity(&self) -> Option<String> {
        None
    }

    async fn load(&self, key: &str) -> Result<Loaded, Unavailable> {
        self.file.load(key).await
    }

    async fn save(&self, key: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            ..=0 => Err(Unavailable::new("full")),
            _ => self.file.save(key, record, expected).await,
        }
    }
}

// spec 3.6, 4.9: what the parent knows of its last refresh reaches the store later than the child, or never
#[test]
fn a_child_refreshes_at_once_where_its_parents_last_refresh_is_not_yet_stored_as_one_that_helped() {
    let (server, home) = (server(), tempfile::tempdir().unwrap());
    let file = FileStore::new(home.path().join("session.json"));
    // The seed, the claim, and the new token; not that it helped.
    let store = Arc::new(Fills { file, left: AtomicI32::new(3) });
    let session = session_at(&server).store(store.clone()).build().unwrap();
    let client = Client::new(session, server.base_url()).unwrap();
    let get = || wait(client.get("/data").send()).unwrap().status() == 200;
    server.expire_all_access_tokens();
    assert!(get());
    server.expire_all_access_tokens();
    for hooks in [true, false] {
        let child = forked(hooks, || {
            store.left.store(i32::MAX, Ordering::SeqCst);
            get()
        });
        assert!(ended_well(child));
    }
    let counters = server.counters();
    assert_eq!((counters.refresh_requests, counters.reuses_detected), (2, 0));
}

// spec 4.9, 4.1
#[test]
fn parent_and_children_at_once_make_one_refresh() {
    let (server, home) = (server(), tempfile::tempdir().unwrap());
    let session =
        session_at(&server).store(FileStore::new(home.path().join("session.json"))).build().unwrap();
    let client = Client::new(session, server.base_url()).unwrap();
    let work = || (0..10).all(|_| wait(client.get("/data").send()).unwrap().status() == 200);
    assert!(work());
    server.expire_all_access_tokens();
    let children: Vec<_> = (0..4).map(|_| forked(true, work)).collect();
    assert!(work());
    assert!(children.into_iter().all(ended_well));
    let counters = server.counters();
    assert_eq!((counters.refresh_requests, counters.reuses_detected), (1, 0));
}
