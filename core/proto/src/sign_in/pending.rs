//! A sign-in that a browser is busy with: what must be known when it comes back.

use serde::{Deserialize, Serialize};

use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};

/// A sign-in that has begun. It can be saved and resumed, in another process too; keep it where only this user's
/// browser leads (a server-side session, an encrypted cookie): it holds the PKCE verifier.
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
    /// As text, for a session of a web framework or a file. It is a secret.
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
    /// InvalidConfig: it is no pending sign-in.
    pub fn from_json(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|_| {
            let what = " was not written by to_json: start the sign-in again";
            Failure::config("pending", what)
        })
    }

    /// The value that tells this sign-in from others: a callback brings it as `state`.
    ///
    /// The example is in the module's documentation.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.expose()
    }

    /// Where the browser comes back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Where the application's own user goes afterwards.
    #[must_use]
    pub fn return_to(&self) -> Option<&str> {
        self.return_to.as_deref()
    }

    /// The PKCE verifier, which goes along with the code.
    #[must_use]
    pub fn code_verifier(&self) -> &Secret {
        &self.code_verifier
    }

    /// The nonce that an ID token must bring.
    #[must_use]
    pub fn nonce(&self) -> Option<&Secret> {
        self.nonce.as_ref()
    }

    /// Who the server says it is, where that is known.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The scope that was asked for.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// What the tokens are for (RFC 8707).
    #[must_use]
    pub fn resource(&self) -> &[String] {
        &self.resource
    }

    /// How old the sign-in at the server may be at most, in seconds.
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
