//! TLS with our own provider and our own choice of roots.
//!
//! Nothing here is process-wide. A machine without root certificates cannot use https, but http on loopback works.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::options::ClientCertificate;
use crate::error::Error;

/// A client configuration that trusts the system's roots (or the bundled ones, if there are none) and `extra`, in
/// PEM, and that presents `own` to servers that ask for it.
pub(super) fn config(
    extra: &[Vec<u8>],
    own: Option<&ClientCertificate>,
    http2: bool,
) -> Result<ClientConfig, Error> {
    let mut roots = base_roots().clone();
    for (index, pem) in extra.iter().enumerate() {
        add(&mut roots, pem).map_err(|problem| {
            Error::config(&format!("extra_root_certificates[{index}]"), format_args!("{problem}, give PEM"))
        })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::config("tls", "no usable protocol version").with_source(cause))?
        .with_root_certificates(roots);
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let (chain, key) = (chain(&own.chain)?, key(&own.key)?);
            config.with_client_auth_cert(chain, key).map_err(|_| {
                Error::config("client_certificate", "certificate and key do not belong together")
            })?
        }
    };
    config.alpn_protocols =
        if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    Ok(config)
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(Error::config("client_certificate", "it contains no certificate: give PEM")),
    }
}

/// The cause is omitted because it could quote the key.
fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        Error::config(
            "client_certificate",
            "it contains no private key: give PEM (PKCS#8, PKCS#1 or SEC1) without a password",
        )
    })
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), &'static str> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "not a PEM certificate")?;
        roots.add(certificate).map_err(|_| "not a usable root certificate")?;
    }
    if roots.len() == before { Err("no certificate in it") } else { Ok(()) }
}

/// Read only once, because some systems have hundreds of files.
fn base_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_roots_on_every_machine() {
        assert!(!base_roots().is_empty());
        assert_eq!(config(&[], None, true).unwrap().alpn_protocols.len(), 2);
        assert_eq!(config(&[], None, false).unwrap().alpn_protocols.len(), 1);
    }

    #[test]
    fn a_root_that_is_none_names_its_place() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
        for pem in [b"hello".to_vec(), Vec::new(), broken] {
            let error = config(&[pem], None, true).unwrap_err().to_string();
            assert!(error.contains("extra_root_certificates[0]"), "{error}");
        }
    }
}
