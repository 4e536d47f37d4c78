//! Many sessions of one app: one for each user, none mixed up with another, and no more of them in memory than were used
//! last.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rekindle::store::{Expected, FileStore, Loaded, MemoryStore, Saved, Store, Unavailable, Version};
use rekindle::{App, AppBuilder, Credential, Error, ErrorKind, Session, SessionBuilder};
use rekindle_test_server::AuthServer;

fn tokens(user: &str) -> Credential {
    Credential {
        access_token: Some(format!("AT-{user}").into()),
        refresh_token: Some(format!("RT-{user}").into()),
        ..Credential::default()
    }
}

fn app() -> AppBuilder {
    App::builder("oauth2").token_url("https://auth.example.com/token").client_id("app")
}

fn alone() -> SessionBuilder {
    Session::builder("oauth2").token_url("https://auth.example.com/token").client_id("app")
}

async fn value(session: &Session) -> String {
    session.token().await.unwrap().value().to_owned()
}

/// One record, whatever key it is asked for: what a store may look like that was written without a thought of keys.
#[derive(Default)]
struct Keyless {
    identity: Option<&'static str>,
    record: Mutex<Option<(Bytes, u64)>>,
}

#[async_trait]
impl Store for Keyless {
    fn identity(&self) -> Option<String> {
        self.identity.map(str::to_owned)
    }

    async fn load(&self, _: &str) -> Result<Loaded, Unavailable> {
        let kept = self.record.lock().unwrap();
        let version = |number: &u64| Version::new(number.to_string());
        Ok(kept
            .as_ref()
            .map_or(Loaded::Absent, |(record, number)| Loaded::Present(record.clone(), version(number))))
    }

    async fn save(&self, _: &str, record: Bytes, expected: &Expected) -> Result<Saved, Unavailable> {
        let mut kept = self.record.lock().unwrap();
        let number = kept.as_ref().map_or(0, |(_, number)| *number);
        let fits = match expected {
            Expected::Anything => true,
            Expected::Absent => kept.is_none(),
            Expected::Version(version) => kept.is_some() && *version.0 == number.to_string(),
        };
        if !fits {
            return Ok(Saved::Conflict);
        }
        *kept = Some((record, number + 1));
        Ok(Saved::Done(Version::new((number + 1).to_string())))
    }
}

fn refused(error: &Error, word: &str) -> bool {
    error.kind() == ErrorKind::InvalidConfig && error.message().contains(word)
}

// spec 4.2, 7.1
#[tokio::test]
async fn each_key_is_a_user_and_the_same_key_the_same_session() {
    let home = tempfile::tempdir().unwrap();
    for app in [app(), app().store(FileStore::folder(home.path()))] {
        let app = app.build().unwrap();
        for user in ["ada", "bob"] {
            app.session(user).unwrap().sign_in(tokens(user)).await.unwrap();
        }
        for user in ["ada", "bob"] {
            assert_eq!(value(&app.session(user).unwrap()).await, format!("AT-{user}"));
        }
        app.session("ada").unwrap().sign_out().await.unwrap();
        assert_eq!(app.session("ada").unwrap().token().await.unwrap_err().kind(), ErrorKind::SignedOut);
        assert_eq!(value(&app.session("bob").unwrap()).await, "AT-bob");
    }
}

// spec 4.1, 4.2
#[tokio::test]
async fn callers_of_one_key_share_a_refresh_and_those_of_another_do_not() {
    let server = AuthServer::builder().start().unwrap();
    let api = server.base_url();
    let app = App::builder("json").token_url(format!("{api}/refresh")).origin(&api).build().unwrap();
    for user in ["ada", "bob"] {
        let signed_in = server.sign_in();
        let credential = Credential {
            access_token: Some(signed_in.access_token.as_str().into()),
            refresh_token: Some(signed_in.refresh_token.as_str().into()),
            ..Credential::default()
        };
        app.session(user).unwrap().sign_in(credential).await.unwrap();
        app.session(user).unwrap().invalidate();
    }
    let callers = (0..20).map(|number| {
        let session = app.session(if number % 2 == 0 { "ada" } else { "bob" }).unwrap();
        tokio::spawn(async move { value(&session).await })
    });
    let mut served = BTreeMap::<String, usize>::new();
    for caller in callers.collect::<Vec<_>>() {
        *served.entry(caller.await.unwrap()).or_default() += 1;
    }
    assert_eq!(served.into_values().collect::<Vec<_>>(), [10, 10]);
    assert_eq!(server.counters().refresh_requests, 2);
    assert_eq!(app.stats().refreshes, 2);
}

// spec 4.11
#[tokio::test]
async fn idle_sessions_are_let_go_of_and_come_back_from_the_store() {
    let app = app().idle_sessions(10).build().unwrap();
    for number in 0..100 {
        let user = format!("user-{number}");
        app.session(&user).unwrap().sign_in(tokens(&user)).await.unwrap();
    }
    assert!(app.shutdown(Duration::from_secs(5)).await);
    assert_eq!(app.sessions_in_memory(), 10);
    for number in 0..100 {
        let user = format!("user-{number}");
        assert_eq!(value(&app.session(&user).unwrap()).await, format!("AT-{user}"));
    }
    assert_eq!((app.sessions_in_memory(), app.stats().sign_ins), (10, 100));
}

// spec 4.11
#[tokio::test]
async fn a_session_that_is_held_is_not_let_go_of() {
    let app = app().idle_sessions(1).build().unwrap();
    let ada = app.seeded_session("ada", tokens("ada")).unwrap();
    let events = ada.events();
    for number in 0..10 {
        app.session(&number.to_string()).unwrap();
    }
    app.session("ada").unwrap().sign_out().await.unwrap();
    assert_eq!(events.next().await.kind.name(), "SignedOut", "it is another session");
}

// spec 7.1
#[tokio::test]
async fn a_store_of_one_record_keeps_no_second_user() {
    let home = tempfile::tempdir().unwrap();
    let store = || FileStore::new(home.path().join("session.json"));
    let app = app().store(store()).build().unwrap();
    assert!(refused(&app.session("ada").unwrap_err(), "store keeps one record"));
    app.session("default").unwrap().sign_in(tokens("ada")).await.unwrap();
    assert_eq!(value(&alone().store(store()).build().unwrap()).await, "AT-ada");
    assert!(refused(&alone().store(store()).key("ada").build().unwrap_err(), "store keeps one record"));
}

// spec 7.1
#[test]
fn a_key_is_a_name() {
    let app = app().build().unwrap();
    for key in ["", "a\0b", "a\nb", &"x".repeat(1_025)] {
        assert!(refused(&app.session(key).unwrap_err(), "key must be"), "{key:?}");
    }
    for key in ["user-42", "Ada Lovelace", "\u{e4}\u{f6}\u{fc}", "../../etc/passwd", &"x".repeat(1_024)] {
        app.session(key).unwrap();
    }
}

// spec 7.5
#[tokio::test]
async fn a_store_that_heeds_no_key_serves_no_user_anothers_token() {
    let app = app().store(Keyless::default()).build().unwrap();
    app.session("ada").unwrap().sign_in(tokens("ada")).await.unwrap();
    let bob = app.session("bob").unwrap();
    for error in [bob.token().await.unwrap_err(), bob.sign_in(tokens("bob")).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert!(error.message().contains("load(`bob`) returned the record of `ada`"), "{error}");
    }
    assert_eq!(value(&app.session("ada").unwrap()).await, "AT-ada");
}

// spec 4.2
#[tokio::test]
async fn an_equal_identity_with_another_seed_is_an_error() {
    let keyless = || Keyless { identity: Some("one database"), ..Keyless::default() };
    let first = alone().store(keyless()).credential(tokens("ada")).build().unwrap();
    let second = alone().store(keyless()).credential(tokens("bob")).build();
    assert!(refused(&second.unwrap_err(), "was created with another credential"));
    assert_eq!(value(&first).await, "AT-ada");

    let home = tempfile::tempdir().unwrap();
    let file = || FileStore::new(home.path().join("session.json"));
    let first = alone().store(file()).credential(tokens("ada")).build().unwrap();
    assert!(refused(&alone().store(file()).credential(tokens("bob")).build().unwrap_err(), "sign_in"));
    alone().store(file()).credential(tokens("ada")).build().unwrap();
    alone().store(file()).build().unwrap();
    assert_eq!(value(&first).await, "AT-ada");
    drop(first);
    // Nobody holds it any more; what is stored wins over a seed.
    assert_eq!(value(&alone().store(file()).credential(tokens("bob")).build().unwrap()).await, "AT-ada");
}

// spec 4.2
#[tokio::test]
async fn two_stores_that_claim_one_identity_are_not_taken_for_one() {
    let store = |record| Keyless { identity: Some("two databases"), record: Mutex::new(record) };
    let mut stored = Vec::new();
    for user in ["ada", "bob"] {
        let keyless = Arc::new(store(None));
        alone().store(keyless.clone()).credential(tokens(user)).build().unwrap().token().await.unwrap();
        stored.push(keyless.record.lock().unwrap().clone());
    }
    let sessions: Vec<_> =
        stored.into_iter().map(|record| alone().store(store(record)).build().unwrap()).collect();
    assert_eq!(value(&sessions[0]).await, "AT-ada");
    assert_eq!(value(&sessions[1]).await, "AT-bob");
}

// spec 4.2
#[test]
fn a_session_gets_nobody_elses_timeouts() {
    let store = Arc::new(Keyless { identity: Some("a third database"), ..Keyless::default() });
    let of = || alone().store(store.clone());
    let _first = of().build().unwrap();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert!(refused(&of().lease(minutes(5)).build().unwrap_err(), "lease differs"));
    assert!(refused(&of().send_timeout(Duration::from_secs(9)).build().unwrap_err(), "send_timeout differs"));
    assert!(refused(&of().background(false).build().unwrap_err(), "background differs"));
    // What each caller has of its own.
    of().wait_timeout(minutes(1)).origin("https://api.example.com").build().unwrap();
}

// spec 7.3
#[tokio::test]
async fn a_seed_that_comes_late_is_taken_where_there_is_nothing() {
    let app = app().build().unwrap();
    let session = app.session("ada").unwrap();
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::LoginRequired);
    app.seeded_session("ada", tokens("ada")).unwrap();
    assert_eq!(value(&session).await, "AT-ada");
    assert!(refused(&app.seeded_session("ada", tokens("bob")).unwrap_err(), "sign_in"));

    let session = app.session("bob").unwrap();
    session.sign_in(tokens("bob")).await.unwrap();
    app.seeded_session("bob", tokens("eve")).unwrap();
    assert_eq!(value(&session).await, "AT-bob");
}

// spec 4.2
#[tokio::test]
async fn apps_of_one_store_and_configuration_share_their_sessions() {
    let home = tempfile::tempdir().unwrap();
    let apps = [(); 2].map(|()| app().store(FileStore::folder(home.path())).build().unwrap());
    apps[0].session("ada").unwrap().sign_in(tokens("ada")).await.unwrap();
    let (one, other) = (apps[0].session("ada").unwrap(), apps[1].session("ada").unwrap());
    assert_eq!(value(&other).await, "AT-ada");
    one.invalidate();
    assert!(other.token_if_valid().is_none(), "the other's state is another");
}

// spec 10.1
#[tokio::test]
async fn an_app_hears_the_events_of_all_its_sessions_by_key() {
    let (tell, told) = std::sync::mpsc::channel();
    let app = app()
        .on_event(move |key, event| tell.send(format!("{key} {}", event.kind.name())).unwrap())
        .build()
        .unwrap();
    for user in ["ada", "bob"] {
        app.session(user).unwrap().sign_in(tokens(user)).await.unwrap();
    }
    app.session("ada").unwrap().sign_out().await.unwrap();
    let told: Vec<String> = (0..3).map(|_| told.recv().unwrap()).collect();
    assert_eq!(told, ["ada SignedIn", "bob SignedIn", "ada SignedOut"]);
}

#[test]
fn an_app_that_is_dropped_leaves_nothing_behind() {
    let store = Arc::new(MemoryStore::new());
    let app = app().store(store.clone()).build().unwrap();
    for number in 0..10 {
        app.session(&number.to_string()).unwrap();
    }
    let held = app.session("held").unwrap();
    drop(app);
    assert!(Arc::strong_count(&store) > 1);
    drop(held);
    assert_eq!(Arc::strong_count(&store), 1);
}
