//! The token request that finishes a sign-in.

use rekindle_proto::sign_in::{SignInGrant, explain};
use rekindle_proto::{
    Credential, Expiry, Failure, GrantRequest, Lost, Outcome, Secret, ServerError, TokenResponse, Wall,
};

use crate::session::setup::Setup;
use crate::session::token_source::{Endpoint, Source};

/// Tokens, and who they say signed in.
pub(super) struct Granted {
    pub(super) credential: Credential,
    pub(super) id_token: Option<Secret>,
}

/// No tokens came of it.
pub(super) struct Refused {
    pub(super) failure: Failure,
    /// Whether the code may be spent.
    pub(super) sent: bool,
}

/// Asks once; once more where the server only wanted its nonce or its clock in the proofs, which spends nothing.
pub(super) async fn ask(
    endpoint: &Endpoint,
    setup: &Setup,
    grant: SignInGrant,
    asked: Option<String>,
) -> Result<Granted, Refused> {
    let mut told = ask_once(endpoint, setup, &grant, asked.clone()).await;
    if let Err((Outcome::NonceRequired(_) | Outcome::ClockSkew, _)) = told {
        told = ask_once(endpoint, setup, &grant, asked).await;
    }
    told.map_err(|(outcome, said)| {
        let sent = !matches!(outcome, Outcome::NotSent);
        Refused { failure: explain(&grant, &outcome, said), sent }
    })
}

/// One request, and what came of it if it was no grant.
pub(super) async fn ask_once(
    endpoint: &Endpoint,
    setup: &Setup,
    grant: &SignInGrant,
    asked: Option<String>,
) -> Result<Granted, (Outcome, ServerError)> {
    let sent_at = setup.clock.now().wall;
    match send(endpoint, setup, grant).await {
        (Outcome::Granted(granted), _) => Ok(self::granted(*granted, sent_at, asked)),
        told => Err(told),
    }
}

/// Bounded, as every send (spec 4.5).
async fn send(endpoint: &Endpoint, setup: &Setup, grant: &SignInGrant) -> (Outcome, ServerError) {
    let request = GrantRequest::SignIn(std::sync::Arc::new(grant.clone()));
    let until = setup.clock.mono() + setup.machine.send_cap;
    tokio::select! {
        told = endpoint.ask(request, None) => told,
        () = setup.clock.sleep_until(until) => (Outcome::Lost(Lost::Cap), ServerError::default()),
    }
}

fn granted(granted: TokenResponse, sent_at: Wall, asked: Option<String>) -> Granted {
    let end = granted.lifetime.map(|lifetime| sent_at.plus(lifetime));
    let end = end.or(granted.expired_on_arrival.then_some(sent_at));
    let credential = Credential {
        access_token: Some(granted.access_token),
        refresh_token: granted.refresh_token,
        expiry: end.map(Expiry::At),
        refresh_token_expiry: granted.refresh_token_lifetime.map(|life| Expiry::At(sent_at.plus(life))),
        scope: granted.scope.or(asked),
        token_type: granted.token_type,
        extra: granted.extra,
    };
    Granted { credential, id_token: granted.id_token }
}
