//! Refresh functions of the host: their input and their results (rule 5.19).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use rekindle::{Cause, Refresh, RefreshError, RefreshInput, Secret, TokenResponse};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::Thrown;
use crate::host::{Host, Question, Unanswered};

/// The input of a refresh. Debug does not show the token.
#[derive(Clone, Serialize)]
#[serde(tag = "effect", rename = "refresh")]
pub struct RefreshQuestion {
    /// The refresh token, if the session has one. It must not be sent twice.
    pub refresh_token: Option<String>,
    /// The scope of the last grant.
    pub scope: Option<String>,
    /// The data stored with the last grant.
    pub extra: BTreeMap<String, String>,
}

/// The result of a refresh: tokens, or an error. Debug does not show the tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RefreshAnswer {
    /// The tokens.
    pub tokens: Option<RefreshedTokens>,
    /// `login_required`: the refresh token is no longer valid; only this ends the session. `not_sent`: certainly
    /// nothing was sent. After any other value the refresh token counts as possibly used.
    pub error: Option<String>,
    /// Details for the error. No secrets.
    pub message: Option<String>,
    /// The exception of the function; as plain data `thrown`, the host's number of it.
    #[serde(rename = "thrown", deserialize_with = "thrown")]
    pub cause: Option<Cause>,
}

/// The tokens of a refresh. Invalid fields are ignored, as in a token endpoint's response, so that the tokens are not
/// lost.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct RefreshedTokens {
    /// The new access token. If there is none, the refresh token is kept, and the refresh fails.
    #[serde(deserialize_with = "text")]
    pub access_token: Option<String>,
    /// The new refresh token; without one, the old one is kept.
    #[serde(deserialize_with = "text")]
    pub refresh_token: Option<String>,
    /// The lifetime of the access token, if known.
    #[serde(rename = "expires_in", deserialize_with = "lifetime")]
    pub lifetime: Option<Duration>,
    /// The lifetime of the refresh token, if known.
    #[serde(rename = "refresh_token_expires_in", deserialize_with = "lifetime")]
    pub refresh_token_lifetime: Option<Duration>,
    /// The granted scope, if it differs from the requested one.
    #[serde(deserialize_with = "text")]
    pub scope: Option<String>,
    /// The token type; `Bearer` by default.
    #[serde(deserialize_with = "text")]
    pub token_type: Option<String>,
    /// Data to store with the tokens.
    #[serde(deserialize_with = "texts")]
    pub extra: BTreeMap<String, String>,
}

/// A refresh function of the host, as core's `Refresh`.
///
/// ```
/// use rekindle_bindings::host::{Host, Unanswered};
/// use rekindle_bindings::refresh::{ForeignRefresh, RefreshAnswer, RefreshQuestion};
///
/// struct Nobody;
///
/// #[async_trait::async_trait]
/// impl Host<RefreshQuestion> for Nobody {
///     async fn ask(&self, _: RefreshQuestion) -> Result<RefreshAnswer, Unanswered> {
///         Err(Unanswered::Lost("the host did not answer".to_owned())) // the refresh token may have been spent
///     }
/// }
///
/// rekindle::Session::builder("oauth2").refresh_with(ForeignRefresh(Nobody)).build()?;
/// # Ok::<(), rekindle::Error>(())
/// ```
#[derive(Debug)]
pub struct ForeignRefresh<H>(pub H);

impl Question for RefreshQuestion {
    type Answer = RefreshAnswer;
}

#[async_trait]
impl<H: Host<RefreshQuestion>> Refresh for ForeignRefresh<H> {
    async fn refresh(&self, input: RefreshInput) -> Result<TokenResponse, RefreshError> {
        match self.0.ask(input.into()).await {
            Ok(answer) => answer.outcome(),
            Err(Unanswered::NotAsked(reason)) => Err(RefreshError::not_sent(reason)),
            Err(Unanswered::Lost(reason)) => Err(RefreshError::maybe_sent(reason)),
        }
    }
}

impl RefreshAnswer {
    fn outcome(self) -> Result<TokenResponse, RefreshError> {
        let Some(error) = self.error else { return Ok(self.tokens.unwrap_or_default().into()) };
        let message = |usual: &str| self.message.unwrap_or_else(|| usual.to_owned());
        let failed = match error.as_str() {
            "login_required" => RefreshError::login_required(),
            // Only an explicit `not_sent` means so; after anything else the token may have been used.
            "not_sent" => RefreshError::not_sent(message("the refresh function sent nothing")),
            _ => RefreshError::maybe_sent(message("the refresh function failed")),
        };
        Err(match self.cause {
            Some(cause) => failed.with_cause(cause),
            None => failed,
        })
    }
}

impl From<RefreshInput> for RefreshQuestion {
    fn from(input: RefreshInput) -> Self {
        Self {
            refresh_token: input.refresh_token.map(|token| token.expose().to_owned()),
            scope: input.scope,
            extra: input.extra,
        }
    }
}

impl From<RefreshedTokens> for TokenResponse {
    fn from(given: RefreshedTokens) -> Self {
        // Without an access token, core keeps the other fields.
        let mut response = Self::new(given.access_token.unwrap_or_default());
        response.refresh_token = given.refresh_token.map(Secret::from);
        response.lifetime = given.lifetime;
        response.refresh_token_lifetime = given.refresh_token_lifetime;
        response.scope = given.scope;
        response.token_type = given.token_type;
        response.extra = given.extra;
        response
    }
}

impl fmt::Debug for RefreshQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshInput")
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RefreshedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("lifetime", &self.lifetime)
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys())
            .finish_non_exhaustive()
    }
}

/// A larger number is not a number of seconds.
const LONGEST: f64 = 1e10;

fn lifetime<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Value::deserialize(from)?.as_f64().filter(|left| *left > 0.0 && *left < LONGEST);
    Ok(seconds.and_then(|left| Duration::try_from_secs_f64(left).ok()))
}

fn thrown<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cause>, D::Error> {
    Ok(Value::deserialize(from)?.as_u64().map(Thrown::cause))
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let Value::Object(members) = Value::deserialize(from)? else { return Ok(BTreeMap::new()) };
    let texts = members.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    Ok(texts.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(answer: Value) -> Result<TokenResponse, RefreshError> {
        serde_json::from_value::<RefreshAnswer>(answer).unwrap().outcome()
    }

    /// Spec 5.19.
    #[test]
    fn only_what_is_said_explicitly_was_not_sent() {
        let shown = |answer| format!("{:?}", outcome(answer).unwrap_err());
        let not_sent = format!("{:?}", RefreshError::not_sent("no network"));
        assert_eq!(shown(json!({ "error": "not_sent", "message": "no network" })), not_sent);
        assert_eq!(
            shown(json!({ "error": "login_required" })),
            format!("{:?}", RefreshError::login_required())
        );
        let maybe_sent = format!("{:?}", RefreshError::maybe_sent("the refresh function failed"));
        for error in ["maybe_sent", "NotSent", ""] {
            assert_eq!(shown(json!({ "error": error })), maybe_sent);
        }
    }

    #[test]
    fn what_makes_no_sense_in_a_grant_costs_nothing_else_of_it() {
        let tokens = json!({ "access_token": "AT-2", "refresh_token": "RT-2", "expires_in": "900", "scope": 7, "extra": [] });
        let given = outcome(json!({ "tokens": tokens })).unwrap();
        assert_eq!(given.refresh_token.as_ref().map(Secret::expose), Some("RT-2"));
        assert_eq!((given.lifetime, given.scope), (None, None));
        let lifetime = |left: Value| outcome(json!({ "tokens": { "expires_in": left } })).unwrap().lifetime;
        assert_eq!(lifetime(json!(900)), Some(Duration::from_secs(900)));
        for nonsense in [json!(0), json!(-1), json!(1e11)] {
            assert_eq!(lifetime(nonsense), None);
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let question = RefreshQuestion {
            refresh_token: Some("RT-1".to_owned()),
            scope: None,
            extra: BTreeMap::from([("id_token".to_owned(), "IT-1".to_owned())]),
        };
        let answer = json!({ "tokens": { "access_token": "AT-2", "extra": { "id_token": "IT-2" } } });
        let shown = format!("{question:?} {:?}", serde_json::from_value::<RefreshAnswer>(answer).unwrap());
        assert!(!["RT-1", "AT-2", "IT-1", "IT-2"].iter().any(|token| shown.contains(token)), "{shown}");
    }
}
