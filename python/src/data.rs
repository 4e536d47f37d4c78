//! The plain data of `rekindle-bindings` as dicts.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde::Serialize;

/// Converts to a dict. Milliseconds become seconds, as everywhere in Python.
pub(crate) fn dict<'py>(py: Python<'py>, data: &impl Serialize) -> PyResult<Bound<'py, PyDict>> {
    let dict = pythonize::pythonize(py, data)?.cast_into::<PyDict>()?;
    // A dict must not change while it is iterated.
    for name in dict.keys() {
        if let Some(short) = name.cast::<PyString>()?.to_cow()?.strip_suffix("_ms") {
            let millis: Option<f64> = dict.call_method1("pop", (&name,))?.extract()?;
            dict.set_item(short, millis.map(|millis| millis / 1000.0))?;
        }
    }
    Ok(dict)
}

/// Seconds since 1970, from a date with a time zone.
#[pyfunction]
pub(crate) fn iso_8601(text: &str) -> Option<f64> {
    rekindle_proto::iso_8601::read(text).map(|at| at.0 as f64 / 1000.0)
}
