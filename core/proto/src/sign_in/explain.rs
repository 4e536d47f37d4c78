//! What a token endpoint's refusal of a sign-in means, by the name of the mistake (spec 12.4). RFC 6749 section 5.2 has
//! one code, `invalid_grant`, for six of them: the server's words tell them apart where it has any.

use super::grant::SignInGrant;
use crate::error::{ErrorKind, Failure};
use crate::verdict::{Outcome, ServerError};

/// Returns the failure for a sign-in that the token endpoint refused.
///
/// ```
/// use rekindle_proto::sign_in::{SignInGrant, explain};
/// use rekindle_proto::{DeadReason, Outcome, ServerError};
///
/// let grant = SignInGrant::AuthorizationCode {
///     code: "abc".into(),
///     redirect_uri: "https://app.example.com/callback".into(),
///     code_verifier: "xyz".into(),
///     resource: Vec::new(),
/// };
/// let mut said = ServerError::default();
/// (said.oauth_error, said.message) = (Some("invalid_grant".into()), Some("redirect_uri did not match".into()));
/// let failure = explain(&grant, &Outcome::Dead(DeadReason::Rejected), said);
/// assert!(failure.message.contains("https://app.example.com/callback"));
/// ```
#[must_use]
pub fn explain(grant: &SignInGrant, outcome: &Outcome, said: ServerError) -> Failure {
    let words = said.message.clone().unwrap_or_default();
    let code = said.oauth_error.clone().unwrap_or_default();
    let (kind, what) = match outcome {
        Outcome::Dead(_) => refusal(grant, &words),
        Outcome::ClientConfig { .. } => by_code(grant, &code),
        Outcome::RateLimited { .. } => {
            (ErrorKind::RateLimited, "the server asks to come back later".to_owned())
        }
        Outcome::ClockSkew => (
            ErrorKind::ClientRejected,
            "the server finds this machine's clock wrong: set it right".to_owned(),
        ),
        Outcome::StepUp(_) => (
            ErrorKind::LoginRequired,
            "the server requires a stronger sign-in: start the sign-in again with what it asks for".to_owned(),
        ),
        Outcome::NotSent => (
            ErrorKind::Connection,
            "the token endpoint could not be reached: check the network, then start the sign-in again".to_owned(),
        ),
        Outcome::Lost(_) => (
            ErrorKind::Connection,
            "the token endpoint sent no readable response, and the code may have been used: start the sign-in again"
                .to_owned(),
        ),
        Outcome::Unknown { status } => (
            ErrorKind::ClientRejected,
            format!(
                "the token endpoint answered with status {status}, which is none of its: check token_url"
            ),
        ),
        _ => (ErrorKind::Connection, "the token endpoint is unavailable: start the sign-in again later".to_owned()),
    };
    let words = if words.is_empty() { String::new() } else { format!(" (\"{words}\")") };
    let code = if code.is_empty() { String::new() } else { format!(": {code}") };
    let hint = said.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    let after = match outcome {
        Outcome::RateLimited { after } | Outcome::RetrySame { after } => *after,
        _ => None,
    };
    Failure {
        oauth_error: said.oauth_error,
        status: said.status,
        retry_after: after,
        cause: said.cause,
        ..Failure::new(kind, format!("{what}{code}{words}{hint}"))
    }
}

/// `invalid_grant`.
fn refusal(grant: &SignInGrant, words: &str) -> (ErrorKind, String) {
    let SignInGrant::AuthorizationCode { redirect_uri, .. } = grant else {
        let what =
            format!("the server rejected the {}: it is wrong, expired, or another client's", grant.name());
        return (ErrorKind::LoginRequired, what);
    };
    let words = words.to_ascii_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&["redirect_uri", "redirect uri", "redirect url", "redirecturi"]) {
        let what = format!(
            "the server finds the redirect URI another one than the code was made for: this sign-in began and ended with \
             {redirect_uri}; register exactly that one, and no second application under this client id"
        );
        return (ErrorKind::InvalidConfig, what);
    }
    if says(&["pkce", "verifier", "code_challenge", "code challenge"]) {
        let what = "the server says that the PKCE verifier does not match the code's challenge: the code belongs to another \
                    sign-in; start the sign-in again";
        return (ErrorKind::LoginRequired, what.to_owned());
    }
    if says(&["expired", "too old", "timed out"]) {
        return (
            ErrorKind::LoginRequired,
            "the code has expired: start the sign-in again, and finish it at once".to_owned(),
        );
    }
    if says(&["already", "reuse", "redeemed", "consumed", "been used", "used before"]) {
        let what =
            "the code was already used, by this program or by somebody who saw it: start the sign-in again";
        return (ErrorKind::LoginRequired, what.to_owned());
    }
    if says(&["client"]) {
        let what = "the code was made for another client: begin and finish with the same client id";
        return (ErrorKind::ClientRejected, what.to_owned());
    }
    if says(&["clock", "issued in the future", "not yet valid", "nbf"]) {
        return (
            ErrorKind::ClientRejected,
            "the server finds this machine's clock wrong: set it right".to_owned(),
        );
    }
    let what = format!(
        "the server rejected the code and does not say why: it was already used, has expired, belongs to another client, or was \
         issued for another redirect URI than {redirect_uri}; start the sign-in again"
    );
    (ErrorKind::LoginRequired, what)
}

fn by_code(grant: &SignInGrant, code: &str) -> (ErrorKind, String) {
    let what = match code {
        "invalid_client" => {
            "the server does not know this client, or its secret is wrong: check client_id and client_secret"
        }
        "unauthorized_client" | "unsupported_grant_type" => {
            let what = format!(
                "this client may not use the grant type {}: have it allowed where it is registered",
                grant.grant_type()
            );
            return (ErrorKind::ClientRejected, what);
        }
        "invalid_scope" => "the server does not give this client that scope",
        "invalid_target" => "the server does not know that resource (RFC 8707)",
        _ => "the server does not accept the request of this client",
    };
    (ErrorKind::ClientRejected, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::DeadReason;

    fn grant() -> SignInGrant {
        SignInGrant::AuthorizationCode {
            code: "SENTINEL".into(),
            redirect_uri: "https://app.example/callback".into(),
            code_verifier: "SENTINEL".into(),
            resource: Vec::new(),
        }
    }

    fn told(code: &str, words: &str, outcome: &Outcome) -> Failure {
        let said = ServerError {
            oauth_error: Some(code.into()),
            message: Some(words.into()),
            ..ServerError::default()
        };
        explain(&grant(), outcome, said)
    }

    // spec 12.4: words of Keycloak, Google, Okta, Spring, Entra, oidc-provider and others
    #[test]
    fn an_invalid_grant_is_named_where_the_server_says_what_is_wrong() {
        let cases = [
            ("Incorrect redirect_uri", ErrorKind::InvalidConfig, "https://app.example/callback"),
            (
                "redirect_uri did not match URI from initial request",
                ErrorKind::InvalidConfig,
                "register exactly that one",
            ),
            ("PKCE verification failed: Code mismatch", ErrorKind::LoginRequired, "PKCE verifier"),
            ("Invalid code verifier.", ErrorKind::LoginRequired, "PKCE verifier"),
            ("Code not valid, expired", ErrorKind::LoginRequired, "has expired"),
            ("The authorization code has already been used", ErrorKind::LoginRequired, "already used"),
            ("The code was issued to another client", ErrorKind::ClientRejected, "another client"),
            ("", ErrorKind::LoginRequired, "does not say why"),
        ];
        for (words, kind, what) in cases {
            let failure = told("invalid_grant", words, &Outcome::Dead(DeadReason::Rejected));
            assert!(failure.kind == kind && failure.message.contains(what), "{words}: {failure}");
            assert!(
                !failure.message.contains("SENTINEL")
                    && failure.oauth_error.as_deref() == Some("invalid_grant")
            );
        }
    }

    // spec 12.4
    #[test]
    fn a_wrong_client_and_a_wrong_grant_type_are_told_apart() {
        let config = |code: &str| told(code, "", &Outcome::ClientConfig { error: code.into() }).message;
        assert!(config("invalid_client").contains("client_secret"));
        assert!(config("unsupported_grant_type").contains("authorization_code"));
        assert!(config("invalid_target").contains("8707"));
        assert!(told("", "", &Outcome::ClockSkew).message.contains("clock"));
    }
}
