//! The identity of the user: validates the ID token that came with the tokens (spec 12.14).

use rekindle_proto::sign_in::{IdToken, IdTokenExpected, PendingSignIn, SUBJECT};
use rekindle_proto::{Credential, ErrorKind, Failure, Secret};
use serde_json::Value;

use super::discovery;
use crate::error::Error;
use crate::session::setup::Setup;

/// What the ID token is looked at with. It is fetched before the code is spent: a network that fails costs nothing then.
pub(super) struct Check {
    nonce: Option<Secret>,
    issuer: Option<String>,
    max_age: Option<u64>,
    keys: Option<Value>,
    /// The server says what it is, and was asked who signs in: it must say so.
    is_required: bool,
}

impl Check {
    /// For a scope without `openid`: nobody asked who it is.
    pub(super) async fn of(
        setup: &Setup,
        scope: Option<&str>,
        pending: Option<&PendingSignIn>,
    ) -> Result<Option<Self>, Error> {
        if !is_openid(scope) {
            return Ok(None);
        }
        let known = setup.server.as_ref();
        let place = known.and_then(|server| server.jwks_uri.as_ref()).filter(|_| cfg!(feature = "keys"));
        let keys = match place {
            Some(place) => Some(discovery::keys(place, setup).await?),
            None => None,
        };
        Ok(Some(Self {
            nonce: pending.and_then(PendingSignIn::nonce).cloned(),
            issuer: issuer(setup, pending),
            max_age: pending.and_then(PendingSignIn::max_age),
            is_required: keys.is_some() && pending.is_some(),
            keys,
        }))
    }

    /// The credential with its user's name in it.
    pub(super) fn credential(
        &self,
        mut credential: Credential,
        id_token: Option<&Secret>,
        setup: &Setup,
    ) -> Result<Credential, Failure> {
        let Some(id_token) = id_token else {
            // Where the granted scope has no `openid`, the server did not agree to say it.
            if self.is_required && is_openid(credential.scope.as_deref()) {
                let message = "the server was asked who signs in (scope openid) and gave no ID token: nobody is signed in; \
                               leave openid out of the scope if nobody needs to know";
                return Err(Failure::new(ErrorKind::InvalidResponse, message));
            }
            return Ok(credential);
        };
        let token = IdToken::read(id_token.expose())?;
        let endpoint = setup.endpoint.as_ref();
        // Another name holds for the issuer that the dialect knows, and for no other one.
        let known = endpoint.and_then(|endpoint| setup.dialect.issuer(&endpoint.identity));
        let other_issuer = setup.dialect.id_token_issuer().filter(|_| known == self.issuer);
        let expected = IdTokenExpected {
            issuer: self.issuer.as_deref(),
            other_issuer,
            client_id: endpoint
                .and_then(|endpoint| endpoint.identity.client_id.as_deref())
                .unwrap_or_default(),
            nonce: self.nonce.as_ref().map(Secret::expose),
            max_age: self.max_age,
        };
        token.check(&expected, setup.clock.now().wall)?;
        if self.keys.as_ref().is_some_and(|keys| !signed(&token, keys)) {
            let message = format!(
                "the ID token is not signed by a key of the server (jwks_uri; algorithm {}): nobody is signed in; where the \
                 algorithm is HS256 or none, have the client registered for RS256 or ES256",
                token.algorithm.chars().filter(char::is_ascii_alphanumeric).take(20).collect::<String>()
            );
            return Err(Failure::new(ErrorKind::InvalidResponse, message));
        }
        credential.extra.insert(SUBJECT.to_owned(), token.subject);
        Ok(credential)
    }
}

/// Who must have issued it: as the sign-in began, as the server says of itself, or as the dialect knows it.
fn issuer(setup: &Setup, pending: Option<&PendingSignIn>) -> Option<String> {
    let began = pending.and_then(PendingSignIn::issuer).map(ToOwned::to_owned);
    began.or_else(|| setup.server.as_ref().map(|server| server.issuer.clone())).or_else(|| {
        let identity = &setup.endpoint.as_ref()?.identity;
        setup.dialect.issuer(identity)
    })
}

fn is_openid(scope: Option<&str>) -> bool {
    scope.into_iter().flat_map(|scope| scope.split(' ')).any(|name| name == "openid")
}

#[cfg(feature = "keys")]
fn signed(token: &IdToken, keys: &Value) -> bool {
    crate::proof::verify::is_signed_by(token, keys)
}

/// Nobody fetches keys in such a build: the token came over TLS from the server itself (OpenID Connect Core section 3.1.3.7).
#[cfg(not(feature = "keys"))]
fn signed(_: &IdToken, _: &Value) -> bool {
    false
}
