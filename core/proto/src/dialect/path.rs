//! Paths of values in a JSON body: `error`, `data.refreshToken.accessToken`, `errors[*].extensions.code`,
//! `[0].errorCode`, `tokens[?type=access].value`.
//!
//! RFC 9535 (JSONPath) has more than a dialect needs, and its crates parse a whole document, whereas `json.rs` reads
//! a body only as far as a path requires.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

use super::scalar::text_of;

/// A path into a JSON body: keys separated by dots, `[3]` for an entry, `[*]` or `*` for every entry,
/// `[?type=access]` for the entries of a list whose member `type` is `access`.
///
/// ```
/// use rekindle_proto::dialect::Path;
/// let path: Path = "errors[*].extensions.code".parse().unwrap();
/// let body = serde_json::json!({"errors": [{}, {"extensions": {"code": "UNAUTHENTICATED"}}]});
/// assert_eq!(path.first(&body), Some(&serde_json::json!("UNAUTHENTICATED")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
    /// The members that filters compare, in addition to the target of the path.
    looked_at: Vec<Vec<Step>>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Entry(usize),
    Each,
    /// The entries of a list that are objects with this member.
    Where {
        key: String,
        says: String,
    },
}

impl Step {
    /// Whether the path may match members of an object, or entries of a list, with any name.
    pub(super) fn is_several(&self) -> bool {
        matches!(self, Self::Each | Self::Where { .. })
    }
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
                answers.iter().find_map(|one| walk(&self.steps, one, wanted))
            }
            _ => walk(&self.steps, root, wanted),
        }
    }

    /// The key at the top of the body, if the path starts with one.
    fn key(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    fn new(steps: Vec<Step>) -> Self {
        let filters = steps.iter().enumerate().filter_map(|(at, step)| match step {
            Step::Where { key, .. } => {
                let upto = steps[..=at].iter().cloned();
                Some(upto.chain([Step::Key(key.clone())]).collect())
            }
            _ => None,
        });
        Self { looked_at: filters.collect(), steps }
    }

    /// Everything that must be read for this path, from the top of the body.
    pub(super) fn reads(&self) -> impl Iterator<Item = &[Step]> {
        std::iter::once(&self.steps).chain(&self.looked_at).map(Vec::as_slice)
    }

    /// The first key of an object on the path, at the top or in the entries of a list.
    pub(super) fn outermost_key(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            _ => None,
        })
    }

    /// Replaces every value at this path.
    pub(super) fn replace(&self, root: &mut Value, by: &Value) {
        match (root, self.key()) {
            (Value::Array(answers), Some("errors")) => {
                answers.iter_mut().for_each(|one| overwrite(&self.steps, one, by));
            }
            (root, _) => overwrite(&self.steps, root, by),
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
        (Step::Where { key, says }, Value::Array(entries)) => {
            entries.iter().filter(|one| holds(one, key, says)).find_map(|one| walk(rest, one, wanted))
        }
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
        (Step::Where { key, says }, Value::Array(entries)) => {
            let meant = entries.iter_mut().filter(|one| holds(one, key, says));
            meant.for_each(|one| overwrite(rest, one, by));
        }
        _ => {}
    }
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // JSONPath syntax, which is rejected: no body has such a key, and the rule would never match.
        if text == "$" || text.starts_with("$.") || text.starts_with("$[") {
            return Err(format!(
                "`{text}` starts with `$`: paths start at the top of the body without it, like `error` or `errors[*].code`; for the body as plain text write `text = true`"
            ));
        }
        match steps(text) {
            Some(steps) if steps.len() <= 32 => Ok(Self::new(steps)),
            _ => Err(format!(
                "`{text}` is not a path; write it like `error`, `data.token`, `errors[*].extensions.code` or `tokens[?type=access].value`"
            )),
        }
    }
}

fn steps(text: &str) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = (Vec::new(), text);
    while !rest.is_empty() || steps.is_empty() {
        let end = match rest.strip_prefix('[') {
            Some(inside) => inside.find(']')? + 2,
            None => rest.find(['.', '[']).unwrap_or(rest.len()),
        };
        let (one, after) = rest.split_at(end);
        steps.push(step(one)?);
        rest = match after.strip_prefix('.') {
            // A step follows a dot, or is in brackets.
            Some("") => return None,
            Some(after) => after,
            None if after.is_empty() || after.starts_with('[') => after,
            None => return None,
        };
    }
    Some(steps)
}

fn step(text: &str) -> Option<Step> {
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inside.strip_prefix('?') {
            Some(condition) => {
                let (key, says) = condition.split_once('=')?;
                let is_plain = !says.is_empty() && is_key(key) && !says.contains(['[', '"']);
                is_plain.then(|| Step::Where { key: key.to_owned(), says: says.to_owned() })
            }
            None if inside == "*" => Some(Step::Each),
            None => inside.parse().map(Step::Entry).ok(),
        };
    }
    match text {
        "*" => Some(Step::Each),
        key => is_key(key).then(|| Step::Key(key.to_owned())),
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && !text.contains(['[', ']', '*', '"'])
}

/// The value as text, for comparing codes.
fn holds(entry: &Value, key: &str, says: &str) -> bool {
    entry.get(key).and_then(text_of).is_some_and(|text| text == says)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Entry(index) => write!(f, "[{index}]")?,
                Step::Each => f.write_str("[*]")?,
                Step::Where { key, says } => write!(f, "[?{key}={says}]")?,
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
        for text in [
            "",
            ".",
            "a..b",
            "a[",
            "a[x]",
            "a]",
            "a[-1]",
            "a.*b",
            "[",
            "a[0]b[",
            "$",
            "$.error",
            "$[0]",
            "a[0]b",
            "a.",
            "a[?b]",
            "a[?=c]",
            "a[?b=]",
            "a[?b=c",
            "[?b[0]=c]",
        ] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_replaced_everywhere() {
        let mut body = json!({"errors": [{"message": "a"}, {"message": "b"}, 3]});
        path("errors[*].message").replace(&mut body, &json!("***"));
        assert_eq!(body, json!({"errors": [{"message": "***"}, {"message": "***"}, 3]}));
    }

    // spec 2.12
    #[test]
    fn a_filter_takes_the_entries_of_a_list_that_say_so() {
        let body = json!({"tokens": [
            {"value": "r", "type": "refresh"}, 3, {"type": ["access"]},
            {"value": "a.1", "type": "access", "v": 2}, {"value": "a.2", "type": "access"},
        ]});
        assert_eq!(path("tokens[?type=access].value").first(&body), Some(&json!("a.1")));
        assert_eq!(path("tokens[?v=2].value").first(&body), Some(&json!("a.1")));
        assert_eq!(path("tokens[?value=a.2].type").first(&body), Some(&json!("access")));
        assert_eq!(path("tokens[?type=id].value").first(&body), None);
        assert_eq!(path("[?type=access]").first(&body), None);
        let mut hidden = body.clone();
        path("tokens[?type=access].value").replace(&mut hidden, &json!("***"));
        assert_eq!(
            (&hidden["tokens"][0], &hidden["tokens"][4]["value"]),
            (&body["tokens"][0], &json!("***"))
        );
    }

    proptest! {
        #[test]
        fn a_path_that_parses_is_written_back(text in "[a-c.*?=\\[\\]0-3]{0,12}") {
            if let Ok(parsed) = text.parse::<Path>() {
                prop_assert_eq!(path(&parsed.to_string()), parsed);
            }
        }
    }
}
