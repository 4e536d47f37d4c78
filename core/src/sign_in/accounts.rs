//! Several accounts of one application (spec 12.17): each user gets a session with its own key, by default the `sub`
//! that the server assigns.

use rekindle_proto::sign_in::{PendingSignIn, SUBJECT, SignIn};
use rekindle_proto::{Credential, ErrorKind};

use super::{Asking, BegunSignIn, begin, run};
#[cfg(feature = "runtime")]
use super::{LoopbackReceiver, loopback_options};
use crate::app::App;
use crate::error::Error;
use crate::session::{Revocation, Session, StatusStanding};

impl App {
    /// As [`Session::begin_sign_in`], for a user who is not known yet.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// use rekindle::{App, sign_in::SignIn};
    ///
    /// let app = App::builder("google").client_id("app").build()?;
    /// let asked = SignIn::new().redirect_uri("https://app.example.com/callback").scope("openid email");
    /// let begun = app.begin_sign_in(asked).await?;
    /// assert_eq!(begun.url.host_str(), Some("accounts.google.com"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Session::begin_sign_in`].
    pub async fn begin_sign_in(&self, asked: SignIn) -> Result<BegunSignIn, Error> {
        begin(self.setup(), &asked).await
    }

    /// As [`Session::finish_sign_in`], and returns the user's session. `key` is the user's key in this application; if
    /// it is `None`, the `sub` claim of the ID token is used, which requires the scope `openid`.
    ///
    /// ```no_run
    /// # async fn f(app: rekindle::App, pending: rekindle::sign_in::PendingSignIn, callback: &str) -> Result<(), rekindle::Error> {
    /// let session = app.finish_sign_in(&pending, callback, None).await?;
    /// println!("{} signed in", session.key());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Session::finish_sign_in`] and [`App::session`]. Fails with InvalidConfig before anything is sent if there
    /// is no key and the scope lacks `openid`.
    pub async fn finish_sign_in(
        &self,
        pending: &PendingSignIn,
        callback: &str,
        key: Option<&str>,
    ) -> Result<Session, Error> {
        match key {
            // What is wrong with it is told before the code is spent.
            Some(key) => drop(self.session(key)?),
            None if pending.nonce().is_none() => {
                let what = " is missing: give a key, or ask for the scope `openid`, which says who signed in";
                return Err(rekindle_proto::Failure::config("key", what).into());
            }
            None => {}
        }
        let asking = Asking::with_code(self.setup(), pending, callback).await?;
        let (app, key) = (self.clone(), key.map(ToOwned::to_owned));
        let work = async move {
            let credential = asking.credential(app.setup()).await?;
            let key = key.or_else(|| credential.extra.get(SUBJECT).cloned()).ok_or_else(|| {
                let message = "the server does not say who signed in (no ID token): give a key";
                Error::new(ErrorKind::InvalidResponse, message)
            })?;
            let session = app.session(&key)?;
            session.sign_in(credential).await?;
            Ok(session)
        };
        run(self.setup(), work).await
    }

    /// As [`Session::sign_in_with_browser`], and returns the user's session, under `key` or the user's `sub`.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), rekindle::Error> {
    /// use rekindle::{App, sign_in::{SignIn, open_browser}, store::FileStore};
    ///
    /// let app = App::builder("google").client_id("app").store(FileStore::folder("accounts")).build()?;
    /// let session = app.sign_in(SignIn::new().scope("openid email"), None, open_browser).await?;
    /// let token = app.session(session.key())?.token().await?;
    /// # let _ = token; Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Timeout: the browser did not come back in time. Otherwise as [`App::finish_sign_in`].
    #[cfg(feature = "runtime")]
    pub async fn sign_in(
        &self,
        asked: SignIn,
        key: Option<&str>,
        open: impl FnOnce(&url::Url) -> Result<(), Error>,
    ) -> Result<Session, Error> {
        let options = loopback_options(self.setup(), &asked)?;
        let receiver = LoopbackReceiver::bind(&options)?;
        let begun = self.begin_sign_in(asked.redirect_uri(receiver.redirect_uri())).await?;
        open(&begun.url)?;
        let clock = self.setup().clock.clone();
        let callback = receiver.receive(&begun.pending, clock.as_ref(), options.timeout).await?;
        self.finish_sign_in(&begun.pending, &callback, key).await
    }

    /// Returns the keys of all signed-in users, sorted. Pass them to [`App::session`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rekindle::Error> {
    /// # use rekindle::{App, Credential};
    /// # let app = App::builder("oauth2").token_url("https://auth.example.com/token").build()?;
    /// # let tokens = || Credential { access_token: Some("at-1".into()), ..Credential::default() };
    /// app.session("ada")?.sign_in(tokens()).await?;
    /// app.session("bob")?.sign_in(tokens()).await?;
    /// app.remove("bob").await?;
    /// assert_eq!(app.accounts().await?, ["ada"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: the store cannot list its keys. StoreUnavailable.
    pub async fn accounts(&self) -> Result<Vec<String>, Error> {
        let unavailable = |error: crate::store::Unavailable| {
            Error::new(ErrorKind::StoreUnavailable, format!("the store cannot be read now: {error}"))
        };
        let keys = self.setup().store.keys().await.map_err(unavailable)?;
        let keys = keys.ok_or_else(|| {
            let what = " cannot list its keys: implement Store::keys, or keep your own list";
            Error::from(rekindle_proto::Failure::config("store", what))
        })?;
        let mut accounts = Vec::new();
        for key in keys {
            // Whoever signed out has left a tombstone.
            if self.session(&key)?.fresh_status().await?.standing != StatusStanding::SignedOut {
                accounts.push(key);
            }
        }
        accounts.sort();
        Ok(accounts)
    }

    /// Signs the user out and asks the server to revoke the tokens.
    ///
    /// For an example, see [`App::accounts`].
    ///
    /// # Errors
    ///
    /// As [`Session::sign_out_and_revoke`].
    pub async fn remove(&self, key: &str) -> Result<Revocation, Error> {
        self.session(key)?.sign_out_and_revoke().await
    }
}

impl Session {
    /// As [`Session::finish_sign_in`], but returns the credential instead of storing it: for a binding that finds the
    /// session by the user's name, which is part of the credential.
    ///
    /// # Errors
    ///
    /// As [`Session::finish_sign_in`].
    #[doc(hidden)]
    pub async fn redeem(&self, pending: &PendingSignIn, callback: &str) -> Result<Credential, Error> {
        let asking = Asking::with_code(self.setup(), pending, callback).await?;
        let session = self.clone();
        run(self.setup(), async move { asking.credential(session.setup()).await }).await
    }

    /// The server's identifier of the signed-in user (`sub` of the ID token), if the scope included `openid`.
    ///
    /// ```
    /// # fn f(session: rekindle::Session) {
    /// println!("signed in as {}", session.subject().as_deref().unwrap_or("somebody"));
    /// # }
    /// ```
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        self.kept(SUBJECT)
    }
}
