//! Where something stands in a JSON body: `error`, `data.refreshToken.accessToken`,
//! `errors[*].extensions.code`, `[0].errorCode`.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

/// A path into a JSON body: keys with dots between them, `[3]` for an entry, `[*]` or `*` for every one.
///
/// ```
/// use rekindle_proto::dialect::Path;
/// let path: Path = "errors[*].extensions.code".parse().unwrap();
/// let body = serde_json::json!({"errors": [{}, {"extensions": {"code": "UNAUTHENTICATED"}}]});
/// assert_eq!(path.first(&body), Some(&serde_json::json!("UNAUTHENTICATED")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Entry(usize),
    Each,
}

impl Path {
    /// Whether any value at this path fulfils the condition.
    ///
    /// ```
    /// use rekindle_proto::dialect::Path;
    /// let path: Path = "*.id".parse().unwrap();
    /// assert!(path.any(&serde_json::json!([{"id": 1}, {"id": 2}]), &mut |value| value == 2));
    /// ```
    pub fn any(&self, root: &Value, wanted: &mut dyn FnMut(&Value) -> bool) -> bool {
        self.find(root, &mut |value| wanted(value)).is_some()
    }

    /// The first value at this path.
    ///
    /// ```
    /// use rekindle_proto::dialect::Path;
    /// let path: Path = "data.token".parse().unwrap();
    /// assert_eq!(path.first(&serde_json::json!({"data": {}})), None);
    /// ```
    #[must_use]
    pub fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.find(root, &mut |_| true)
    }

    /// The first value at this path that fulfils the condition.
    pub(super) fn find<'a>(
        &self,
        root: &'a Value,
        wanted: &mut dyn FnMut(&Value) -> bool,
    ) -> Option<&'a Value> {
        // `errors` of a GraphQL batch stand in each answer of a list; every entry counts (spec 2.5).
        match (root, self.key()) {
            (Value::Array(answers), Some("errors")) => {
                answers.iter().find_map(|one| walk(&self.0, one, wanted))
            }
            _ => walk(&self.0, root, wanted),
        }
    }

    /// The key at the top of the body, if the path starts with one.
    fn key(&self) -> Option<&str> {
        match self.0.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// Its steps, from the top of the body.
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The key of an object that the path asks for first, at the top or in the entries of a list.
    pub(super) fn outermost_key(&self) -> Option<&str> {
        self.0.iter().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            _ => None,
        })
    }

    /// Replaces every value at this path.
    pub(super) fn replace(&self, root: &mut Value, by: &Value) {
        match (root, self.key()) {
            (Value::Array(answers), Some("errors")) => {
                answers.iter_mut().for_each(|one| overwrite(&self.0, one, by));
            }
            (root, _) => overwrite(&self.0, root, by),
        }
    }
}

fn walk<'a>(steps: &[Step], value: &'a Value, wanted: &mut dyn FnMut(&Value) -> bool) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else { return wanted(value).then_some(value) };
    match (step, value) {
        (Step::Key(key), Value::Object(members)) => walk(rest, members.get(key)?, wanted),
        (Step::Entry(index), Value::Array(entries)) => walk(rest, entries.get(*index)?, wanted),
        (Step::Each, Value::Array(entries)) => entries.iter().find_map(|one| walk(rest, one, wanted)),
        (Step::Each, Value::Object(members)) => members.values().find_map(|one| walk(rest, one, wanted)),
        _ => None,
    }
}

fn overwrite(steps: &[Step], value: &mut Value, by: &Value) {
    let Some((step, rest)) = steps.split_first() else {
        *value = by.clone();
        return;
    };
    match (step, value) {
        (Step::Key(key), Value::Object(members)) => {
            members.get_mut(key).into_iter().for_each(|one| overwrite(rest, one, by))
        }
        (Step::Entry(index), Value::Array(entries)) => {
            entries.get_mut(*index).into_iter().for_each(|one| overwrite(rest, one, by))
        }
        (Step::Each, Value::Array(entries)) => entries.iter_mut().for_each(|one| overwrite(rest, one, by)),
        (Step::Each, Value::Object(members)) => members.values_mut().for_each(|one| overwrite(rest, one, by)),
        _ => {}
    }
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // As JSONPath writes it; no body has such a key, and the rule would never be met.
        if text == "$" || text.starts_with("$.") || text.starts_with("$[") {
            return Err(format!(
                "`{text}` starts with `$`: paths start at the top of the body without it, like `error` or `errors[*].code`; for the body as plain text write `text = true`"
            ));
        }
        let dotted = text.replace('[', ".[");
        let steps: Result<Vec<_>, _> =
            dotted.strip_prefix('.').unwrap_or(&dotted).split('.').map(step).collect();
        match steps {
            Ok(steps) if steps.len() <= 32 => Ok(Self(steps)),
            _ => Err(format!(
                "`{text}` is not a path; write it like `error`, `data.token` or `errors[*].extensions.code`"
            )),
        }
    }
}

fn step(text: &str) -> Result<Step, ()> {
    if let Some(index) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return if index == "*" { Ok(Step::Each) } else { index.parse().map(Step::Entry).map_err(drop) };
    }
    match text {
        "*" => Ok(Step::Each),
        key if key.is_empty() || key.contains(['[', ']', '*', '"']) => Err(()),
        key => Ok(Step::Key(key.to_owned())),
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Entry(index) => write!(f, "[{index}]")?,
                Step::Each => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_at_the_top_is_reached_by_index() {
        let body = json!([{"errorCode": "INVALID_SESSION_ID"}]);
        assert_eq!(path("[0].errorCode").first(&body), Some(&json!("INVALID_SESSION_ID")));
        assert_eq!(path("[1].errorCode").first(&body), None);
        assert_eq!(path("errorCode").first(&body), None);
    }

    #[test]
    fn errors_are_found_in_every_answer_of_a_batch() {
        let body = json!([{"data": {}}, {"errors": [{"code": 1}]}]);
        assert_eq!(path("errors[*].code").first(&body), Some(&json!(1)));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in
            ["", ".", "a..b", "a[", "a[x]", "a]", "a[-1]", "a.*b", "[", "a[0]b[", "$", "$.error", "$[0]"]
        {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_replaced_everywhere() {
        let mut body = json!({"errors": [{"message": "a"}, {"message": "b"}, 3]});
        path("errors[*].message").replace(&mut body, &json!("***"));
        assert_eq!(body, json!({"errors": [{"message": "***"}, {"message": "***"}, 3]}));
    }

    proptest! {
        #[test]
        fn a_path_that_parses_is_written_back(text in "[a-c.*\\[\\]0-3]{0,12}") {
            if let Ok(parsed) = text.parse::<Path>() {
                prop_assert_eq!(path(&parsed.to_string()), parsed);
            }
        }
    }
}
