//! Where tokens are sent, when they are refreshed, and timeouts.

use std::time::Duration;

use rekindle_proto::Rotation;

use super::super::settings::A_YEAR;
use super::Builder;

impl<T> Builder<T> {
    /// The name used in spans, events and metrics (features `tracing` and `metrics`), if a program has several apps.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .app_name("billing")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.settings.app_name = Some(name.into());
        self
    }

    /// An origin that the token may be sent to, besides that of a client's base URL. Call it once for each origin.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .origin("https://api.example.com")
    ///     .build()?;
    /// let url = "https://api.example.com/data".parse().expect("a URL");
    /// assert!(session.owns(&url));
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.origins.push(origin.into());
        self
    }

    /// The only origins that the token may be sent to, besides that of a client's base URL (spec 9.1).
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .origins(["https://api.example.com", "https://files.example.com"])
    ///     .build()?;
    /// let url = "https://files.example.com/a.jpg".parse().expect("a URL");
    /// assert!(session.owns(&url));
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.origins.extend(origins.into_iter().map(Into::into));
        self
    }

    /// An http origin outside loopback that tokens may be sent to anyway (`http://keycloak:8080` in Compose).
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("http://keycloak:8080/token")
    ///     .insecure_origin("http://keycloak:8080") // without this line: InvalidConfig
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn insecure_origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.insecure_origins.push(origin.into());
        self
    }

    /// What the server does with a used refresh token, if the dialect leaves this open (spec 6.1).
    ///
    /// ```
    /// use rekindle::{Rotation, Session};
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .rotation(Rotation::Strict)
    ///     .build()?;
    /// assert_eq!(session.dialect().rotation(), Rotation::Strict);
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.settings.rotation = Some(rotation);
        self
    }

    /// Whether tokens are refreshed in the background, before callers have to wait (spec 1.2). Defaults to true.
    ///
    /// ```
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .background(false) // a command that runs once
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn background(mut self, background: bool) -> Self {
        self.settings.background = background;
        self
    }

    /// Whether a stored credential is used only if it was signed in for this dialect and these origins. Defaults to
    /// false, because normally the program's own code decides where tokens are sent. Set it to true if that comes from
    /// a file that others can write: the file must not redirect a stored token (spec 7.10).
    /// [`Session::rebind`](crate::Session::rebind) moves a credential.
    ///
    /// ```
    /// let builder = rekindle::Session::builder("oauth2").token_url("https://auth.example.com/token");
    /// builder.origin("https://api.example.com").strict_binding(true).build()?;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn strict_binding(mut self, strict: bool) -> Self {
        self.settings.strict_binding = strict;
        self
    }

    /// The longest time a caller waits for a token, to the next hundredth of a second. Defaults to 30 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .wait_timeout(Duration::from_secs(5))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn wait_timeout(mut self, most: Duration) -> Self {
        self.settings.wait = most.min(A_YEAR);
        self
    }

    /// The longest time one token request may take. Defaults to 60 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::Session;
    ///
    /// let session = Session::builder("oauth2")
    ///     .token_url("https://auth.example.com/oauth/token")
    ///     .send_timeout(Duration::from_secs(20))
    ///     .build()?;
    /// # let _ = session;
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    pub fn send_timeout(mut self, most: Duration) -> Self {
        self.settings.send = most.min(A_YEAR);
        self
    }

    /// How long a lease lasts without being renewed. Defaults to 90 s; at least 1.5 times the send timeout.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle::Session;
    ///
    /// let lease = |seconds| {
    ///     Session::builder("oauth2")
    ///         .token_url("https://auth.example.com/oauth/token")
    ///         .send_timeout(Duration::from_secs(20))
    ///         .lease(Duration::from_secs(seconds))
    ///         .build()
    /// };
    /// assert!(lease(30).is_ok());
    /// assert!(lease(29).is_err());
    /// ```
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.min(2 * A_YEAR);
        self
    }
}
