//! How a profile's requests travel: proxy, certificates, time to connect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rekindle::transport::{ClientCertificate, ProxyChoice, ReqwestTransport, TransportOptions};
use url::Url;

use super::Profile;
use crate::exit::Done;

/// What the command line says of how requests travel; it goes before what the profile says.
#[derive(Default)]
pub(crate) struct Travel {
    /// Empty for none.
    pub(crate) proxy: Option<String>,
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_certificate_key: Option<PathBuf>,
}

impl Profile {
    /// The same profile with what the command line says. Its paths are the user's own: they may lie anywhere.
    pub(crate) fn travelling(mut self, given: &Travel) -> Self {
        let fields = &mut self.fields;
        let here = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        if let Some(proxy) = &given.proxy {
            fields.proxy = Some(match proxy.as_str() {
                "" => "none".to_owned(),
                proxy if proxy.contains("://") => proxy.to_owned(),
                // As curl reads it.
                proxy => format!("http://{proxy}"),
            });
            self.overridden.push(("proxy", "-x"));
        }
        if let Some(path) = &given.root_certificates {
            fields.root_certificates = Some(here(path));
            self.overridden.push(("root_certificates", "--cacert"));
        }
        if let Some(path) = &given.client_certificate {
            fields.client_certificate = Some(here(path));
            fields.client_certificate_key = given.client_certificate_key.as_ref().map(here);
            self.overridden.push(("client_certificate", "--cert"));
            let key = if given.client_certificate_key.is_some() { "--key" } else { "--cert" };
            self.overridden.push(("client_certificate_key", key));
        }
        self
    }

    /// How requests travel, those for tokens too; nothing where the profile does not say.
    pub(super) fn transport(&self) -> Done<Option<ReqwestTransport>> {
        let fields = &self.fields;
        let key = fields.client_certificate_key.as_ref().or(fields.client_certificate.as_ref());
        let roots = self.pem("root_certificates", fields.root_certificates.as_deref())?;
        let chain = self.pem("client_certificate", fields.client_certificate.as_deref())?;
        let key = self.pem("client_certificate_key", key.map(PathBuf::as_path))?;
        let plain = roots.is_none() && chain.is_none() && key.is_none() && fields.proxy.is_none();
        if plain
            && fields.http2.is_none()
            && fields.user_agent.is_none()
            && fields.connect_timeout_seconds.is_none()
        {
            return Ok(None);
        }
        let defaults = TransportOptions::default();
        let own = match (chain, key) {
            (Some(chain), Some(key)) => Some(ClientCertificate { chain, key }),
            (None, Some(_)) => {
                let what = "needs client_certificate as well: name the certificate that belongs to the key";
                return Err(self.mistake("client_certificate_key", what));
            }
            _ => None,
        };
        let options = TransportOptions {
            extra_root_certificates: roots.into_iter().collect(),
            client_certificate: own,
            proxy: self.proxy()?,
            http2: fields.http2.unwrap_or(defaults.http2),
            user_agent: fields.user_agent.clone().unwrap_or(defaults.user_agent),
            connect_timeout: self.connect_timeout()?.unwrap_or(defaults.connect_timeout),
            max_idle_connections: defaults.max_idle_connections,
            idle_timeout: defaults.idle_timeout,
            max_concurrent_requests: defaults.max_concurrent_requests,
        };
        let made = ReqwestTransport::new(options);
        made.map(Some).map_err(|error| match error.argument() {
            Some("extra_root_certificates[0]") => self.located(error.renamed("root_certificates").failure()),
            _ => self.located(error.failure()),
        })
    }

    fn proxy(&self) -> Done<ProxyChoice> {
        match self.fields.proxy.as_deref() {
            None => Ok(ProxyChoice::System),
            Some("none") => Ok(ProxyChoice::None),
            Some(url) => Url::parse(url)
                .map(ProxyChoice::Url)
                .map_err(|error| self.mistake("proxy", &format!("is neither a URL ({error}) nor `none`"))),
        }
    }

    fn connect_timeout(&self) -> Done<Option<Duration>> {
        let Some(seconds) = self.fields.connect_timeout_seconds else { return Ok(None) };
        match Duration::try_from_secs_f64(seconds) {
            Ok(timeout) if !timeout.is_zero() => Ok(Some(timeout)),
            _ => Err(self.mistake("connect_timeout_seconds", "must be a number of seconds above 0")),
        }
    }

    fn pem(&self, field: &str, path: Option<&Path>) -> Done<Option<Vec<u8>>> {
        let Some(path) = path.map(|path| self.file.beside(path)) else { return Ok(None) };
        let unreadable = |error: std::io::Error| {
            self.mistake(field, &format!("{} cannot be read ({error})", path.display()))
        };
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        let is_given = self.overridden.iter().any(|(name, _)| *name == field);
        // Whoever signs for servers decides where tokens go.
        if field == "root_certificates" && !is_given {
            self.require_consent_to(field, &path, &String::from_utf8_lossy(&bytes))?;
        }
        Ok(Some(bytes))
    }
}
