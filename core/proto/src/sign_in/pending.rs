//! A sign-in in progress in a browser: the state needed to handle its callback.

use serde::{Deserialize, Serialize};

use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};

/// A sign-in that has begun. It can be saved and resumed, even in another process. Keep it bound to this user's
/// browser (a server-side session, an encrypted cookie): it holds the PKCE verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSignIn {
    pub(super) state: Secret,
    pub(super) code_verifier: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<Secret>,
    pub(super) redirect_uri: String,
    pub(super) client_id: String,
    pub(super) token_endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
    #[serde(default)]
    pub(super) names_itself: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resource: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_age: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) return_to: Option<String>,
    /// Milliseconds since 1970.
    pub(super) began_at: i64,
}

impl PendingSignIn {
    /// Serializes the sign-in as text, for a web framework's session or a file. The text is a secret.
    ///
    /// ```
    /// # use rekindle_proto::{Wall, machine::Entropy, sign_in::{PendingSignIn, SignIn, SignInServer}};
    /// # let url = |text: &str| text.parse().expect("a URL");
    /// # let server = SignInServer::new(url("https://auth.example.com/authorize"), url("https://auth.example.com/token"));
    /// # let asked = SignIn::new().redirect_uri("https://app.example.com/callback");
    /// let (_, pending) = server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0))?;
    /// let kept = pending.to_json();
    /// assert_eq!(PendingSignIn::from_json(kept.expose())?, pending);
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Secret {
        Secret::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// Resumes a sign-in that was kept as text.
    ///
    /// ```
    /// let failure = rekindle_proto::sign_in::PendingSignIn::from_json("{}").unwrap_err();
    /// assert!(failure.message.contains("start the sign-in again"));
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig if the text is not a pending sign-in.
    pub fn from_json(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|_| {
            let what = " was not written by to_json: start the sign-in again";
            Failure::config("pending", what)
        })
    }

    /// The `state` value that identifies this sign-in in a callback.
    ///
    /// The example is in the module's documentation.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.expose()
    }

    /// The redirect URI.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The application's path to send the user to afterwards.
    #[must_use]
    pub fn return_to(&self) -> Option<&str> {
        self.return_to.as_deref()
    }

    /// The PKCE verifier, which is sent with the code.
    #[must_use]
    pub fn code_verifier(&self) -> &Secret {
        &self.code_verifier
    }

    /// The nonce that an ID token must contain.
    #[must_use]
    pub fn nonce(&self) -> Option<&Secret> {
        self.nonce.as_ref()
    }

    /// The issuer identifier, if known.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The requested scope.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// The resources that the tokens are for (RFC 8707).
    #[must_use]
    pub fn resource(&self) -> &[String] {
        &self.resource
    }

    /// The maximum age of the user's authentication at the server, in seconds.
    #[must_use]
    pub fn max_age(&self) -> Option<u64> {
        self.max_age
    }

    /// Fails where this sign-in began with another client or server than it is to be finished with (RFC 9700 section
    /// 4.4): its code would go to a server that it is not for.
    ///
    /// ```
    /// # use rekindle_proto::{Wall, machine::Entropy, sign_in::{SignIn, SignInServer}};
    /// # let url = |text: &str| text.parse().expect("a URL");
    /// # let server = SignInServer::new(url("https://auth.example.com/authorize"), url("https://auth.example.com/token"));
    /// # let asked = SignIn::new().redirect_uri("https://app.example.com/callback");
    /// let (_, pending) = server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0))?;
    /// assert!(pending.check_server(Some("app"), "https://auth.example.com/token").is_ok());
    /// assert!(pending.check_server(Some("app"), "https://evil.example/token").is_err());
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Misuse, naming both.
    pub fn check_server(&self, client_id: Option<&str>, token_endpoint: &str) -> Result<(), Failure> {
        let other = |what: &str, began: &str, now: &str| {
            let message = format!(
                "this sign-in began with the {what} {began} and is finished with {now}: finish it with the application \
                 that began it"
            );
            Err(Failure::new(ErrorKind::Misuse, message))
        };
        if self.token_endpoint != token_endpoint {
            return other("token endpoint", &self.token_endpoint, token_endpoint);
        }
        if client_id != Some(&self.client_id) {
            return other("client", &self.client_id, client_id.unwrap_or("none"));
        }
        Ok(())
    }
}
