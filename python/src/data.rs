//! The plain data of `rekindle-bindings`, as dicts.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde::Serialize;

/// As a dict; what is in milliseconds there is in seconds here, as everywhere in Python.
pub(crate) fn dict<'py>(py: Python<'py>, data: &impl Serialize) -> PyResult<Bound<'py, PyDict>> {
    let dict = pythonize::pythonize(py, data)?.cast_into::<PyDict>()?;
    for (name, value) in dict.iter() {
        let name = name.cast_into::<PyString>()?;
        if let Some(short) = name.to_cow()?.strip_suffix("_ms") {
            let seconds = value.extract::<Option<f64>>()?.map(|millis| millis / 1000.0);
            dict.set_item(short, seconds)?;
            dict.del_item(&name)?;
        }
    }
    Ok(dict)
}
