//! Deserializes data as a type: an error names its field, and never repeats a value.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::located::Located;

/// Why a file is invalid. The text never repeats a string of the file, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line.
    pub line: Option<usize>,
    /// The path of the field; empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub what: String,
}

/// Deserializes data as a type.
///
/// ```
/// use rekindle_proto::dialect::read;
///
/// let mistake = read::<u8>(&serde_json::json!("secret")).unwrap_err();
/// assert!(!mistake.what.contains("secret"));
/// ```
///
/// # Errors
///
/// The data does not have this type's structure.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Mistake> {
    T::deserialize(Located(value)).map_err(|misfit| {
        let (field, what) = misfit.into_parts();
        Mistake { line: None, field, what: without_value(&what) }
    })
}

/// serde shows the value of a wrong type, and a dialect may contain an API key.
fn without_value(what: &str) -> String {
    let value = what.strip_prefix("invalid type: ").or_else(|| what.strip_prefix("invalid value: "));
    let expected = value.and_then(|value| value.rfind(", expected ").map(|at| (value, &value[at..])));
    match expected {
        Some((value, expected)) if value.starts_with("string ") => {
            format!("a string is not valid here{expected}")
        }
        Some((value, expected)) if value.starts_with(['i', 'f']) => {
            format!("a number is not valid here{expected}")
        }
        _ => what.to_owned(),
    }
}
