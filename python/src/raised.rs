//! An exception raised by Python, carried through core.

use std::fmt;

use pyo3::prelude::*;

/// An exception of a user's function.
#[derive(Debug)]
pub(crate) struct Raised(pub(crate) Py<PyAny>);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an exception of the refresh function")
    }
}

impl std::error::Error for Raised {}
