//! Private keys: for client authentication (`private_key_jwt`) and for binding tokens (DPoP).

use pyo3::prelude::*;

use crate::errors::raise;

#[pyclass(frozen, module = "rekindle._native")]
pub(crate) struct SigningKey(pub(crate) rekindle::SigningKey);

#[pymethods]
impl SigningKey {
    #[staticmethod]
    fn from_pem(py: Python<'_>, pem: &str, key_id: Option<String>) -> PyResult<Self> {
        let key = rekindle::SigningKey::from_pem(pem).map_err(|error| raise(py, &error))?;
        Ok(Self(key_id.into_iter().fold(key, rekindle::SigningKey::key_id)))
    }

    /// The key and its PEM.
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<(Self, String)> {
        let (key, pem) = rekindle::SigningKey::generate().map_err(|error| raise(py, &error))?;
        Ok((Self(key), pem.expose().to_owned()))
    }

    #[getter]
    fn algorithm(&self) -> &'static str {
        self.0.algorithm()
    }

    #[getter]
    fn thumbprint(&self) -> String {
        self.0.thumbprint()
    }

    /// The public key as JSON.
    fn jwk(&self) -> String {
        self.0.jwk().to_string()
    }
}
