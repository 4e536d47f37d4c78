//! One sample, and what became of it. Recorded responses may hold live tokens: they are compared, and never shown.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// Where a member that a sample expects may hold a token.
const HIDDEN: [&str; 6] = ["access_token", "refresh_token", "headers", "body", "json", "url"];

#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    sample: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Verdict, outcome, or method.
    found: Map<String, Value>,
    /// What was expected otherwise.
    #[serde(skip_serializing_if = "Map::is_empty")]
    expected: Map<String, Value>,
}

impl Checked {
    pub(super) fn new(
        sample: String,
        line: Option<usize>,
        found: &Value,
        expected: Map<String, Value>,
    ) -> Self {
        let members = found.as_object().cloned().unwrap_or_default();
        let differs =
            |(name, value): &(String, Value)| !matches(members.get(name).unwrap_or(&Value::Null), value);
        let expected = expected.into_iter().filter(differs).map(hidden).collect();
        Self {
            sample,
            line,
            found: members.into_iter().filter(|(_, value)| !value.is_null()).map(hidden).collect(),
            expected,
        }
    }

    pub(crate) fn is_as_expected(&self) -> bool {
        self.expected.is_empty()
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map_or_else(String::new, |line| format!(" (line {line})"));
        let mark = if self.is_as_expected() { "ok   " } else { "WRONG" };
        write!(f, "{mark} {}{line}: {}", self.sample, shown(&self.found))?;
        if !self.is_as_expected() {
            write!(f, "; expected {}", shown(&self.expected))?;
        }
        Ok(())
    }
}

/// Whether all that is wanted is there; names of headers in any case.
fn matches(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let of = |name: &String| found.get(name).or_else(|| found.get(&name.to_lowercase()));
            wanted.iter().all(|(name, wanted)| of(name).is_some_and(|found| matches(found, wanted)))
        }
        (Value::Number(found), Value::Number(wanted)) => found.as_f64() == wanted.as_f64(),
        _ => found == wanted,
    }
}

fn hidden((name, value): (String, Value)) -> (String, Value) {
    let value = if HIDDEN.contains(&name.as_str()) && !value.is_null() { "***".into() } else { value };
    (name, value)
}

fn shown(members: &Map<String, Value>) -> String {
    let first = ["verdict", "outcome", "method"];
    let (names, others): (Vec<_>, Vec<_>) =
        members.iter().partition(|(name, _)| first.contains(&name.as_str()));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let names = names.into_iter().map(|(_, value)| text(value));
    let others = others.into_iter().filter(|(_, value)| *value != "{}" && **value != Value::Bool(false));
    names.chain(others.map(|(name, value)| format!("{name} {}", text(value)))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(found: Value, expected: Value) -> Checked {
        Checked::new("token[0]".to_owned(), Some(3), &found, expected.as_object().cloned().unwrap())
    }

    #[test]
    fn what_is_not_as_expected_is_named_and_tokens_are_not_shown() {
        let found = json!({"outcome": "granted", "access_token": "SECRET-1", "lifetime_seconds": 900, "refresh_token": null});
        let fine = checked(
            found.clone(),
            json!({"outcome": "granted", "access_token": "SECRET-1", "lifetime_seconds": 900.0}),
        );
        assert_eq!(
            fine.to_string(),
            "ok    token[0] (line 3): granted, access_token ***, lifetime_seconds 900"
        );
        let wrong =
            checked(found, json!({"access_token": "SECRET-2", "refresh_token": "SECRET-3", "typo": 1}));
        assert!(!wrong.is_as_expected() && !format!("{wrong} {wrong:?}").contains("SECRET"));
        assert!(
            wrong.to_string().ends_with("expected access_token ***, refresh_token ***, typo 1"),
            "{wrong}"
        );
    }

    #[test]
    fn nothing_is_expected_by_null() {
        assert!(checked(json!({"verdict": "expired"}), json!({"scope": null})).is_as_expected());
    }
}
