//! Custom refresh functions, and how their errors are interpreted (spec 5.19).

use std::sync::Arc;

use async_trait::async_trait;
use rekindle_proto::{
    Cause, DeadReason, GrantRequest, Lost, Outcome, RefreshInput, Secret, ServerError, TokenResponse, redact,
};

use super::token_source::Source;

/// A custom refresh function. The session waits until it returns; there is no time limit (spec 4.5).
///
/// ```
/// use rekindle::{Refresh, RefreshError, RefreshInput, TokenResponse};
///
/// struct ByHand;
/// #[async_trait::async_trait]
/// impl Refresh for ByHand {
///     async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError> {
///         // Ask your own service, with input.refresh_token; whatever fails there may have spent it.
///         let _ = input.refresh_token;
///         Ok(TokenResponse::new("at-2"))
///     }
/// }
/// ```
#[async_trait]
pub trait Refresh: Send + Sync + 'static {
    /// Gets a new access token.
    async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError>;
}

/// The failure of a refresh function, and what became of the refresh token (spec 5.19).
///
/// `?` converts any other error. Since its effect is unknown, the refresh token then counts as possibly spent: use
/// [`not_sent`](Self::not_sent) if it certainly was not.
///
/// ```
/// use rekindle::RefreshError;
///
/// fn ask() -> Result<(), RefreshError> {
///     let address = std::env::var("NO_SUCH_VARIABLE").map_err(|_| RefreshError::not_sent("no address is set"))?;
///     std::fs::read_to_string(address)?; // whatever happens here may have spent it
///     Ok(())
/// }
/// # assert!(ask().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct RefreshError {
    fate: Fate,
    message: Option<String>,
    cause: Option<Cause>,
}

/// What became of the refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dead,
    NotSent,
    Unknown,
}

impl RefreshError {
    /// The refresh token is no longer valid. Only this error ends the session.
    ///
    /// ```
    /// let error = rekindle::RefreshError::login_required();
    /// ```
    #[must_use]
    pub fn login_required() -> Self {
        Self { fate: Fate::Dead, message: None, cause: None }
    }

    /// Nothing was sent, so the refresh token is still unused and is tried again. The reason appears in errors, so it
    /// must not contain secrets.
    ///
    /// ```
    /// let error = rekindle::RefreshError::not_sent("the service is not configured yet");
    /// ```
    pub fn not_sent(reason: impl Into<String>) -> Self {
        Self { fate: Fate::NotSent, message: Some(reason.into()), cause: None }
    }

    /// The refresh token may have been spent: there was no response, or an invalid one. The reason appears in errors,
    /// so it must not contain secrets.
    ///
    /// ```
    /// let error = rekindle::RefreshError::maybe_sent("the connection broke");
    /// ```
    pub fn maybe_sent(reason: impl Into<String>) -> Self {
        Self { fate: Fate::Unknown, message: Some(reason.into()), cause: None }
    }

    /// Adds the cause, which becomes the source of the error that callers get.
    ///
    /// ```
    /// use rekindle::{RefreshError, Cause};
    /// let error = RefreshError::maybe_sent("the refresh function raised KeyError");
    /// let error = error.with_cause(Cause::new("KeyError", "a text with a secret"));
    /// assert!(!format!("{error:?}").contains("a text"));
    /// ```
    #[must_use]
    pub fn with_cause(self, cause: Cause) -> Self {
        Self { cause: Some(cause), ..self }
    }
}

/// The error's type appears in messages, its text does not: it may quote a token.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for RefreshError {
    fn from(error: E) -> Self {
        let name = std::any::type_name::<E>();
        let name = name.split('<').next().unwrap_or(name);
        let name = name.rsplit("::").next().unwrap_or(name);
        Self::maybe_sent(format!("the refresh function failed with {name}"))
            .with_cause(Cause::new(name, error))
    }
}

/// A refresh function of the user.
pub(crate) struct Custom(pub(crate) Arc<dyn Refresh>);

#[async_trait]
impl Source for Custom {
    async fn ask(&self, grant: GrantRequest, serving: Option<Secret>) -> (Outcome, ServerError) {
        let GrantRequest::Custom(input) = grant else { return (Outcome::NotSent, ServerError::default()) };
        let spent = input.refresh_token.clone();
        let told = self.0.refresh(input).await;
        let known: Vec<&Secret> = serving.iter().chain(&spent).collect();
        match told {
            Ok(response) => returned(response),
            Err(error) => failed(error, &known),
        }
    }

    async fn revoke(&self, _token: &Secret) -> Option<bool> {
        None
    }
}

/// A new refresh token without an access token is not lost (spec 5.4).
fn returned(mut response: TokenResponse) -> (Outcome, ServerError) {
    // White space around tokens is trimmed (spec 5.12).
    response.access_token = trimmed(&response.access_token);
    response.refresh_token = response.refresh_token.as_ref().map(trimmed);
    if !response.access_token.expose().is_empty() {
        return (Outcome::Granted(Box::new(response)), ServerError::default());
    }
    match response.refresh_token.filter(|token| !token.expose().is_empty()) {
        Some(refresh_token) => (Outcome::GrantedWithoutAccess { refresh_token }, ServerError::default()),
        None => {
            let message = Some("the refresh function returned no access_token".to_owned());
            (Outcome::Lost(Lost::Broken), ServerError { message, ..ServerError::default() })
        }
    }
}

fn trimmed(token: &Secret) -> Secret {
    token.expose().trim_ascii().into()
}

fn failed(error: RefreshError, known: &[&Secret]) -> (Outcome, ServerError) {
    let outcome = match error.fate {
        Fate::Dead => Outcome::Dead(DeadReason::RefreshFunction),
        Fate::NotSent => Outcome::NotSent,
        Fate::Unknown => Outcome::Lost(Lost::Broken),
    };
    let message = error.message.map(|message| redact::text(&message, known));
    (outcome, ServerError { message, cause: error.cause, ..ServerError::default() })
}

/// A function that panicked may have sent the request before.
pub(crate) fn panicked() -> (Outcome, ServerError) {
    let message = Some("the refresh function panicked".to_owned());
    (Outcome::Lost(Lost::Broken), ServerError { message, ..ServerError::default() })
}
