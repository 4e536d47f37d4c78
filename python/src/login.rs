//! A login handler in Python.

use async_trait::async_trait;
use pyo3::prelude::*;
use rekindle::{Error, ErrorKind, OnLoginRequired};

use crate::attach::attached;
use crate::errors::foreign;

/// The handler is called with the session, on a thread that may block.
pub(crate) struct PythonLogin {
    pub(crate) handler: Py<PyAny>,
    pub(crate) wrap: Wrap,
}

/// Makes the Python object of a session.
pub(crate) type Wrap = fn(Python<'_>, rekindle::Session) -> PyResult<Py<PyAny>>;

#[async_trait]
impl OnLoginRequired for PythonLogin {
    async fn sign_in(&self, session: rekindle::Session) -> Result<(), Error> {
        let gone = || Error::new(ErrorKind::Misuse, "the interpreter has ended: nobody can sign in");
        let host = attached(|py| self.handler.clone_ref(py)).ok_or_else(gone)?;
        let wrap = self.wrap;
        let call = move |py: Python<'_>| {
            let done = wrap(py, session).and_then(|session| host.call1(py, (session,)));
            done.map(drop).map_err(|error| foreign(py, error, "the login handler"))
        };
        let done = tokio::task::spawn_blocking(move || attached(call)).await;
        done.ok().flatten().unwrap_or_else(|| Err(gone()))
    }
}
