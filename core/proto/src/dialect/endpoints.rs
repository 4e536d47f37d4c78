//! The endpoints of a dialect's server: for tokens, sign-ins and revocations.

use url::Url;

use super::ClientIdentity;
use super::config_error::config;
use super::file::Spec;
use crate::error::Failure;
use crate::sign_in::SignInServer;

impl Spec {
    pub(super) fn token_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        match &identity.token_url {
            Some(url) => Ok(url.clone()),
            None => self.own_url(identity),
        }
    }

    fn own_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        let template = self.token_endpoint.url.as_ref();
        let template = template.ok_or_else(|| {
            let missing = config(&self.name, "has no token URL; give the session one (`token_url`)");
            Failure { argument: Some("token_url".to_owned()), ..missing }
        })?;
        template.url(&self.name, &|name| self.variable(identity, name))
    }

    /// The authorization endpoint, if the dialect names one.
    pub(super) fn sign_in_server(
        &self,
        identity: &ClientIdentity,
        authorization_url: Option<&Url>,
    ) -> Result<SignInServer, Failure> {
        let section = &self.sign_in;
        let own = || self.authorization_url(identity);
        let url = authorization_url.cloned().map_or_else(own, Ok)?;
        let mut server = SignInServer::new(url, self.token_url(identity)?);
        server.issuer = self.issuer(identity)?;
        server.names_itself = section.names_itself;
        server.loopback_host.clone_from(&section.loopback_host);
        server.scope.clone_from(&section.scope);
        server.parameters.clone_from(&section.parameters);
        Ok(server)
    }

    /// The issuer identifier, if the dialect names one.
    pub(super) fn issuer(&self, identity: &ClientIdentity) -> Result<Option<String>, Failure> {
        let variable = |name: &str| self.variable(identity, name);
        self.sign_in.issuer.as_ref().map(|issuer| self.filled(issuer, &variable)).transpose()
    }

    /// The device authorization endpoint, if the dialect names one.
    pub(super) fn device_authorization_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        let url = self.sign_in.device_authorization_url.as_ref().ok_or_else(|| {
            let what = "does not say where device codes come from (`[sign_in]` with `device_authorization_url`): sign in \
                        with a browser, or give the `issuer` to find it by";
            config(&self.name, what)
        })?;
        url.url(&self.name, &|name| self.variable(identity, name))
    }

    fn authorization_url(&self, identity: &ClientIdentity) -> Result<Url, Failure> {
        let url = self.sign_in.authorization_url.as_ref().ok_or_else(|| {
            let what = "does not say where users sign in: give the authorization endpoint (`authorization_url`), or the \
                        `issuer` to find it by";
            Failure { argument: Some("authorization_url".to_owned()), ..config(&self.name, what) }
        })?;
        url.url(&self.name, &|name| self.variable(identity, name))
    }

    /// A token endpoint that the user names may belong to another server than the dialect's: its tokens are sent to
    /// the dialect's revocation endpoint only if both have the same origin.
    pub(super) fn revoke_url(&self, identity: &ClientIdentity) -> Result<Option<Url>, Failure> {
        let Some(revoke) = &self.revoke else { return Ok(identity.revocation_url.clone()) };
        let url = revoke.url.url(&self.name, &|name| self.variable(identity, name));
        let Some(given) = &identity.token_url else { return url.map(Some) };
        let is_own = self.own_url(identity).is_ok_and(|own| own == *given);
        Ok(url.ok().filter(|url| is_own || url.origin() == given.origin()))
    }
}
