//! Patterns: what a case expects of a value.

use serde_json::Value;

/// Whether `actual` is what `pattern` asks for; else where it is not. Objects may have further members, lists
/// may not; an object whose names begin with `$` is a matcher.
///
/// ```
/// use rekindle_conformance::matches;
/// use serde_json::json;
///
/// assert!(matches(&json!({"a": 1}), &json!({"a": 1, "b": 2}), "value").is_ok());
/// let complaint = matches(&json!({"a": {"$at_least": 2}}), &json!({"a": 1}), "value").unwrap_err();
/// assert_eq!(complaint, "value.a: 1 is below 2");
/// ```
///
/// # Errors
///
/// The first difference, by its path.
pub fn matches(pattern: &Value, actual: &Value, path: &str) -> Result<(), String> {
    match (pattern, actual) {
        (Value::Object(matcher), _) if is_matcher(pattern) => {
            matcher.iter().try_for_each(|(name, wanted)| apply(name, wanted, actual, path))
        }
        (Value::Object(members), Value::Object(found)) => members.iter().try_for_each(|(name, wanted)| {
            let path = format!("{path}.{name}");
            match found.get(name) {
                Some(value) => matches(wanted, value, &path),
                None if wanted.get("$absent") == Some(&Value::Bool(true)) => Ok(()),
                None => Err(format!("{path} is missing, expected {wanted}")),
            }
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let pairs = wanted.iter().zip(found).enumerate();
            pairs.into_iter().try_for_each(|(at, (one, other))| matches(one, other, &format!("{path}[{at}]")))
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => Ok(()),
        _ if pattern == actual => Ok(()),
        _ => Err(format!("{path}: {actual} instead of {pattern}")),
    }
}

fn is_matcher(pattern: &Value) -> bool {
    pattern
        .as_object()
        .is_some_and(|members| !members.is_empty() && members.keys().all(|name| name.starts_with('$')))
}

fn apply(name: &str, wanted: &Value, actual: &Value, path: &str) -> Result<(), String> {
    let number = || actual.as_f64().ok_or_else(|| format!("{path}: {actual} is no number"));
    let bound = wanted.as_f64().unwrap_or_default();
    match name {
        "$any" => Ok(()),
        "$absent" => Err(format!("{path}: {actual}, expected none")),
        "$type" if type_of(actual) == wanted => Ok(()),
        "$type" => Err(format!("{path}: {actual} is no {wanted}")),
        "$at_least" if number()? < bound => Err(format!("{path}: {actual} is below {wanted}")),
        "$at_most" if number()? > bound => Err(format!("{path}: {actual} is above {wanted}")),
        "$at_least" | "$at_most" => Ok(()),
        "$contains" | "$lacks" => texts(wanted).try_for_each(|text| {
            let found = actual.as_str().is_some_and(|actual| actual.contains(text));
            let fine = found == (name == "$contains");
            fine.then_some(()).ok_or_else(|| format!("{path}: {actual} against {name} {text:?}"))
        }),
        other => Err(format!("{path}: there is no matcher {other}")),
    }
}

fn texts(wanted: &Value) -> impl Iterator<Item = &str> {
    let one = wanted.as_str().into_iter();
    one.chain(wanted.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
