//! How an API request carries a token.

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};
use zeroize::Zeroizing;

use super::Placement;
use super::file::Spec;
use super::request::sensitive;
use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};
use crate::redact;

impl Spec {
    pub(super) fn place(&self, token: &Secret, token_type: Option<&str>) -> Result<Placement, Failure> {
        if !self.understands(token_type) {
            return Err(self.unknown_type(token_type.unwrap_or_default()));
        }
        let text = token.expose();
        let (name, value) = match &self.token.cookie {
            Some(cookie) => (COOKIE, Zeroizing::new(format!("{cookie}={text}"))),
            None => (self.token.header.clone(), Zeroizing::new(self.authorization(text, token_type))),
        };
        let unfit_for_cookie = name == COOKIE && text.contains([';', ',', ' ', '"', '\\']);
        let value = sensitive(&value)
            .filter(|_| !text.is_empty() && !unfit_for_cookie)
            .ok_or_else(|| unusable(&name))?;
        Ok(Placement { name, value })
    }

    /// A client must not use a token whose type it does not understand (RFC 6749 section 7.1).
    pub(super) fn understands(&self, token_type: Option<&str>) -> bool {
        let is = |name: &str| token_type.is_none_or(|given| given.eq_ignore_ascii_case(name));
        let special = self.token.cookie.is_some() || self.token.header != AUTHORIZATION;
        special
            || is("Bearer")
            || is("DPoP")
            || is(&self.token.scheme)
            || self.token.types.0.iter().any(|name| is(name))
    }

    pub(super) fn token_header(&self) -> HeaderName {
        if self.token.cookie.is_some() { COOKIE } else { self.token.header.clone() }
    }

    pub(super) fn credential_headers(&self) -> Vec<HeaderName> {
        let others = self.token.credential_headers.0.iter().filter_map(super::file::Header::name);
        let mut names: Vec<_> = std::iter::once(self.token_header()).chain(others).collect();
        names.dedup();
        names
    }

    fn authorization(&self, token: &str, token_type: Option<&str>) -> String {
        let bound = token_type.is_some_and(|given| given.eq_ignore_ascii_case("DPoP"));
        match self.token.scheme.as_str() {
            "" => token.to_owned(),
            "Bearer" if bound => format!("DPoP {token}"),
            scheme => format!("{scheme} {token}"),
        }
    }

    fn unknown_type(&self, token_type: &str) -> Failure {
        let token_type = redact::text(token_type, &[]);
        let message = format!(
            "the server issued a token with the token_type \"{token_type}\", which dialect {} does not know; if it is used like a Bearer token, name it in the dialect's `token.types`",
            self.name
        );
        Failure::new(ErrorKind::InvalidConfig, message)
    }
}

fn unusable(name: &HeaderName) -> Failure {
    let message = format!(
        "the access token cannot be sent in the header `{name}`: it is empty, or contains a line break or another character that is not allowed there; check where it was read from"
    );
    Failure::new(ErrorKind::InvalidConfig, message)
}
