//! The variables of a dialect: which ones it needs, and whether each has a value.

use std::collections::BTreeSet;

use super::ClientIdentity;
use super::config_error::{config, missing};
use super::file::{ClientAuth, Encoding, Extra, GrantSection, Spec};
use super::template::Template;
use crate::error::Failure;

impl Spec {
    /// Reports, when a session is built, what would fail later: a variable without a value, a value without a
    /// variable.
    pub(super) fn check_variables(
        &self,
        identity: &ClientIdentity,
        kept: &BTreeSet<String>,
        for_the_client: bool,
    ) -> Result<(), Failure> {
        let section = if for_the_client { &self.client_credentials } else { &self.refresh_token };
        let filled = |name: &str| {
            let comes_back = kept.contains(name) || self.answer.keep.contains_key(name);
            comes_back || self.variable(identity, name).is_some()
        };
        let in_body = matches!(self.token_endpoint.client_auth, ClientAuth::ClientSecretPost);
        if self.token_endpoint.encoding == Encoding::Query && in_body && identity.client_secret.is_some() {
            let what = "would send the client's secret in a URL (`encoding = \"query\"`): set client_auth to \
                        `client_secret_basic`, or leave the secret out";
            let mistake = config(&self.name, what);
            return Err(Failure { argument: Some("client_auth".to_owned()), ..mistake });
        }
        if let Some(name) = self.blanks_of(section).find(|name| !filled(name)) {
            return Err(missing(&self.name, name));
        }
        let known = self.variable_names();
        if let Some(name) = identity.variables.keys().find(|name| !known.contains(name.as_str())) {
            let known: Vec<_> = known.into_iter().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(config(&self.name, &format!("has no variable `{name}`; it has {known}")));
        }
        let unusable = |value: &str| value.trim().is_empty() || value.contains(char::is_control);
        match identity.variables.iter().find(|(_, value)| unusable(value)) {
            Some((name, _)) => Err(config(
                &self.name,
                &format!("needs a value for the variable `{name}`: it is empty, or has a line break in it"),
            )),
            None => Ok(()),
        }
    }

    /// The variables of a request, except those of its URL.
    fn blanks_of<'a>(&'a self, section: &'a GrantSection) -> impl Iterator<Item = &'a str> {
        let endpoint = &self.token_endpoint;
        let extra = endpoint.extra.values().chain(section.extra.values()).filter_map(|extra| match extra {
            Extra::Text(template) => Some(template),
            Extra::Plain(_) => None,
        });
        let query = endpoint.query.values().chain(section.query.values());
        let headers = endpoint.headers.values().chain(section.headers.values());
        query.chain(headers).chain(extra).flat_map(Template::blanks)
    }

    fn variable_names(&self) -> BTreeSet<&str> {
        let urls = self.token_endpoint.url.iter().chain(self.revoke.iter().map(|revoke| &revoke.url));
        let urls = urls.chain(&self.sign_in.authorization_url).chain(&self.sign_in.issuer);
        let urls = urls.chain(&self.sign_in.device_authorization_url);
        let password = self.password.iter();
        let password = password.flat_map(|section| {
            section.url.iter().chain(section.query.values()).chain(section.headers.values())
        });
        let urls = urls.chain(password);
        let sections = [
            &self.refresh_token,
            &self.client_credentials,
            &self.authorization_code,
            &self.device_code,
            &self.token_exchange,
            &self.jwt_bearer,
        ];
        let own = self.variables.keys().map(String::as_str);
        let asked = sections.into_iter().flat_map(|section| self.blanks_of(section));
        urls.flat_map(Template::blanks).chain(asked).chain(own).collect()
    }

    pub(super) fn variable<'a>(&'a self, identity: &'a ClientIdentity, name: &str) -> Option<&'a str> {
        let given = identity.variables.get(name).or_else(|| self.variables.get(name));
        given
            .map(String::as_str)
            .or_else(|| (name == "client_id").then_some(identity.client_id.as_deref()).flatten())
    }
}
