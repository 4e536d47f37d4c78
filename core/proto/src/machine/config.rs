//! The configuration of a machine.

use std::sync::Arc;
use std::time::Duration;

use super::binding::Binding;
use crate::credential::{Credential, Fingerprint, Secret};
use crate::error::Failure;
use crate::rotation::Rotation;

/// Returns why the dialect cannot serve a token (an unknown type, not a valid header value).
pub type Servable = Arc<dyn Fn(&Secret, Option<&str>) -> Result<(), Failure> + Send + Sync>;

/// The configuration of a machine.
#[derive(Clone)]
pub struct MachineConfig {
    /// What the server does with a used refresh token.
    pub rotation: Rotation,
    /// Whether the old access token becomes invalid when a refresh succeeds (spec 5.4).
    pub old_token_dies: bool,
    /// Whether to refresh in the advisory window (spec 1.2).
    pub background: bool,
    /// The binding that records belong to (spec 7.5).
    pub binding: Arc<Binding>,
    /// Whether a record must have been signed in for this dialect and these origins (spec 7.10).
    pub strict_binding: bool,
    /// The client's credentials: a pause after ClientRejected applies only to the same ones (spec 5.1).
    pub client: Option<Fingerprint>,
    /// Whether other processes share the store.
    pub shared: bool,
    /// Identifies the current boot of the computer, if known (spec 4.5).
    pub boot: Option<Arc<str>>,
    /// How long one send may take. Defaults to 60 s.
    pub send_cap: Duration,
    /// How long a lease lasts without renewal. Defaults to 90 s.
    pub lease: Duration,
    /// How often a flight that waits for another owner's lease checks whether it has ended. Defaults to 100 ms.
    pub look_again: Duration,
    /// How long a flight waits for another owner's lease. Defaults to 30 s.
    pub lease_wait: Duration,
    /// Whether a user's function obtains new tokens. The function occupies the flight until it returns (spec 4.5).
    pub refresh_function: bool,
    /// Whether the credential of a refresh is the host's cookie: the session has no refresh token (spec 5.21).
    pub refreshes_by_cookie: bool,
    /// Called for each new token.
    pub servable: Servable,
}

impl MachineConfig {
    /// Creates a configuration with the defaults of the spec.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rekindle_proto::{Rotation, machine::{Binding, MachineConfig}};
    ///
    /// let binding = Binding::new("https://auth.example.com");
    /// let config = MachineConfig::new(Rotation::Strict, binding);
    /// assert_eq!((config.send_cap, config.lease), (Duration::from_secs(60), Duration::from_secs(90)));
    /// ```
    #[must_use]
    pub fn new(rotation: Rotation, binding: impl Into<Arc<Binding>>) -> Self {
        Self {
            rotation,
            old_token_dies: false,
            background: true,
            binding: binding.into(),
            strict_binding: false,
            client: None,
            shared: true,
            boot: None,
            send_cap: Duration::from_secs(60),
            lease: Duration::from_secs(90),
            look_again: Duration::from_millis(100),
            lease_wait: Duration::from_secs(30),
            refresh_function: false,
            refreshes_by_cookie: false,
            servable: Arc::new(|_, _| Ok(())),
        }
    }

    /// Checks that a session can start with the credential, like [`Binding::check`]. If a cookie is the credential,
    /// tokens are optional and a refresh token is an error.
    ///
    /// ```
    /// use rekindle_proto::{Credential, Rotation, machine::{Binding, MachineConfig}};
    ///
    /// let mut config = MachineConfig::new(Rotation::None, Binding::new("https://auth.example.com/refresh"));
    /// assert!(config.check(&Credential::default()).is_err());
    /// config.refreshes_by_cookie = true;
    /// assert!(config.check(&Credential::default()).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig, naming the field.
    pub fn check(&self, credential: &Credential) -> Result<(), Failure> {
        if !self.by_cookie() {
            return self.binding.check(credential);
        }
        match (&credential.refresh_token, &credential.access_token) {
            (Some(_), _) => {
                let what = " cannot be used: the dialect says that a cookie is the credential of a refresh \
                            (`[refresh_token] credential = \"cookie\"`); leave it out, or take another dialect";
                Err(Failure::config("refresh_token", what))
            }
            (None, None) => Ok(()),
            (None, Some(_)) => self.binding.check(credential),
        }
    }

    /// A user's refresh function decides by itself which credential it uses.
    pub(super) fn by_cookie(&self) -> bool {
        self.refreshes_by_cookie && !self.refresh_function && self.binding.client_credentials.is_none()
    }
}
