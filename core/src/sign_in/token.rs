//! The request that ends a sign-in.

use rekindle_proto::sign_in::{SignInGrant, explain};
use rekindle_proto::{
    Credential, Expiry, Failure, GrantRequest, Lost, Outcome, ServerError, TokenResponse, Wall,
};

use crate::session::setup::Setup;
use crate::session::token_source::{Endpoint, Source};

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
) -> Result<Credential, Refused> {
    let sent_at = setup.clock.now().wall;
    let (mut outcome, mut said) = send(endpoint, setup, &grant).await;
    if matches!(outcome, Outcome::NonceRequired(_) | Outcome::ClockSkew) {
        (outcome, said) = send(endpoint, setup, &grant).await;
    }
    match outcome {
        Outcome::Granted(granted) => Ok(credential(*granted, sent_at, asked)),
        outcome => {
            let sent = !matches!(outcome, Outcome::NotSent);
            Err(Refused { failure: explain(&grant, &outcome, said), sent })
        }
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

fn credential(granted: TokenResponse, sent_at: Wall, asked: Option<String>) -> Credential {
    let end = granted.lifetime.map(|lifetime| sent_at.plus(lifetime));
    let end = end.or(granted.expired_on_arrival.then_some(sent_at));
    Credential {
        access_token: Some(granted.access_token),
        refresh_token: granted.refresh_token,
        expiry: end.map(Expiry::At),
        scope: granted.scope.or(asked),
        token_type: granted.token_type,
        extra: granted.extra,
    }
}
