//! What sessions of one configuration have in common. A server keeps a session for each of its users: what they
//! share is there once.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use rekindle_proto::dialect::Dialect;
use rekindle_proto::machine::MachineConfig;
use url::Url;

use super::origins::Origins;
use super::source::Source;
use crate::clock::Clock;
use crate::fork::PerProcess;
use crate::lock::Mutex;
use crate::platform::Platform;
use crate::transport::Transport;

/// Those in use, by what they were made from.
static SETUPS: PerProcess<Mutex<BTreeMap<String, Weak<Setup>>>> = PerProcess::new();

/// What does not change in a session's life, and is no secret of its user.
pub(crate) struct Setup {
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) machine: Arc<MachineConfig>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) origins: Arc<Origins>,
    /// Those origins, by number.
    pub(crate) known: Arc<Vec<Arc<Url>>>,
    /// What the source asks through.
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Each host has a clock of its own.
    pub(crate) platform: Platform,
}

impl Setup {
    /// The one that another session has already, if both were made from the same parts. `made_from` tells them, but for
    /// transport and clock; `None`: nobody else can have made it.
    pub(crate) fn shared(self, made_from: Option<String>) -> Arc<Self> {
        let Some(made_from) = made_from else { return Arc::new(self) };
        let setups = SETUPS.get_checked(|_| Mutex::default());
        let mut setups = setups.lock();
        if let Some(known) = setups.get(&made_from).and_then(Weak::upgrade)
            && known.is_like(&self)
        {
            return known;
        }
        setups.retain(|_, setup| setup.strong_count() > 0);
        let new = Arc::new(self);
        setups.insert(made_from, Arc::downgrade(&new));
        new
    }

    fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.transport, &other.transport) && Arc::ptr_eq(&self.clock, &other.clock)
    }
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::{Session, SessionBuilder};
    use crate::store::{FileStore, Store};
    use crate::transport::{ReqwestTransport, TransportOptions};

    fn new_transport() -> Arc<dyn Transport> {
        Arc::new(ReqwestTransport::new(TransportOptions::default()).expect("a transport"))
    }

    #[test]
    fn users_of_one_application_share_what_is_no_secret_of_theirs() {
        let transport = new_transport();
        let app = || {
            Session::builder("oauth2")
                .token_url("https://auth.example.com/token")
                .client_id("app")
                .client_secret("hunter2")
                .origin("https://api.example.com")
                .transport(transport.clone())
        };
        let made = |app: SessionBuilder, user: &str| {
            app.tokens(format!("at-{user}"), format!("rt-{user}")).build().unwrap()
        };
        let ada = made(app(), "ada");
        let shares = |other: SessionBuilder| {
            let other = made(other, "bob");
            assert!(!Arc::ptr_eq(&ada.engine, &other.engine));
            Arc::ptr_eq(&ada.engine.setup, &other.engine.setup)
        };
        assert!(!shares(app().client_secret("hunter3")));
        assert!(!shares(app().client_id("other")));
        assert!(!shares(app().origin("https://www.example.com")));
        assert!(!shares(app().lease(Duration::from_secs(200))));
        assert!(shares(app()));
        assert!(!shares(app().transport(new_transport())));
    }

    #[test]
    fn sessions_share_a_state_if_their_dialects_say_the_same_whatever_these_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(FileStore::new(folder.path().join("session.json")));
        // Of one name, one rotation and one endpoint.
        let asking_by = |method: &str| {
            let dialect = format!("[token_endpoint]\nmethod = \"{method}\"");
            let session = Session::builder(Dialect::from_toml(&dialect, "acme.toml").unwrap());
            let session = session.token_url("https://auth.example.com/token").shared_store(store.clone());
            session.tokens("at-1", "rt-1").build().unwrap()
        };
        let session = asking_by("PUT");
        assert!(Arc::ptr_eq(&session.engine, &asking_by("PUT").engine));
        let other = asking_by("POST");
        assert!(!Arc::ptr_eq(&session.engine, &other.engine));
        assert!(!Arc::ptr_eq(&session.engine.setup, &other.engine.setup));
    }
}
