//! Bodies, read no further than a rule asks for (spec 2.6: an accepted response hardly feels it).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::path::Path;

/// The members of a body that somebody asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted<'a> {
    keys: BTreeSet<&'a str>,
    all: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn add(&mut self, path: &'a Path) {
        self.all |= !path.is_shallow();
        self.keys.extend(path.outermost_key());
    }

    fn is_nothing(&self) -> bool {
        self.keys.is_empty() && !self.all
    }

    fn holds(&self, key: &str) -> bool {
        self.all || self.keys.contains(key)
    }
}

impl<'a> FromIterator<&'a Path> for Wanted<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Path>>(paths: I) -> Self {
        let mut wanted = Self::default();
        paths.into_iter().for_each(|path| wanted.add(path));
        wanted
    }
}

/// What a look at a JSON body found.
#[derive(Clone, Debug, Default)]
pub(super) struct Glance {
    /// The wanted members. In a body that breaks off: those that came whole.
    pub(super) body: Option<Value>,
    /// A `data` key at the top, or in an answer of a batch.
    pub(super) has_data: bool,
    /// An `errors` key at the same places.
    pub(super) has_errors: bool,
    /// The body is JSON to its end.
    pub(super) is_complete: bool,
}

/// Looks for the wanted members; parses nothing where there are none.
pub(super) fn glance(body: &[u8], wanted: &Wanted<'_>) -> Glance {
    let body = trim(body);
    match looks_like_json(body) && !wanted.is_nothing() {
        true => read(body, wanted),
        false => Glance::default(),
    }
}

/// Reads the outline of a body: its `data` and `errors` keys.
pub(super) fn outline(body: &[u8]) -> Glance {
    read(trim(body), &Wanted::default())
}

fn read(body: &[u8], wanted: &Wanted<'_>) -> Glance {
    let mut seen = Glance::default();
    let mut value = Value::Null;
    let mut json = serde_json::Deserializer::from_slice(body);
    let result = Top { wanted, seen: &mut seen, value: &mut value, nested: false }.deserialize(&mut json);
    seen.is_complete = result.and_then(|()| json.end()).is_ok();
    seen.body = (!value.is_null()).then_some(value);
    seen
}

/// A token endpoint's answer: JSON whatever its media type says, else a form.
pub(super) fn fields(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let body = trim(body);
    let says_form = media_type(headers).is_some_and(|kind| kind.contains("form-urlencoded"));
    if looks_like_json(body) {
        return serde_json::from_slice(body).ok();
    }
    (is_form(body) || (says_form && body.contains(&b'='))).then(|| form(body))
}

/// Whether nothing but space is in the body.
pub(super) fn is_empty(body: &[u8]) -> bool {
    trim(body).is_empty()
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase())
}

fn form(body: &[u8]) -> Value {
    let pairs = url::form_urlencoded::parse(body);
    Value::Object(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect())
}

/// Letters that a form may hold and neither HTML nor prose gets by with.
fn is_form(body: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~*+%&=:/@!$'(),;[]".contains(byte);
    body.contains(&b'=') && body.iter().all(letter)
}

/// A body without its byte order mark and the space around it.
fn trim(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.first(), Some(b'{' | b'['))
}

/// Reads the members of an object, or of each object in a list, and skips the rest.
struct Top<'a, 'w> {
    wanted: &'a Wanted<'w>,
    seen: &'a mut Glance,
    value: &'a mut Value,
    nested: bool,
}

impl<'de> DeserializeSeed<'de> for Top<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        *self.value = Value::Object(Map::new());
        while let Some(key) = map.next_key::<Key<'de>>()? {
            self.seen.has_data |= key.0 == "data";
            self.seen.has_errors |= key.0 == "errors";
            match (self.wanted.holds(&key.0), &mut *self.value) {
                (true, Value::Object(members)) => drop(members.insert(key.0.into_owned(), map.next_value()?)),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.nested && !self.wanted.all {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let mut entries = Vec::new();
        let result = loop {
            let mut entry = Value::Null;
            let seed = Top { wanted: self.wanted, seen: &mut *self.seen, value: &mut entry, nested: true };
            match list.next_element_seed(seed) {
                Ok(Some(())) => entries.push(entry),
                Ok(None) => break Ok(()),
                Err(error) => {
                    entries.push(entry);
                    break Err(error);
                }
            }
        };
        *self.value = Value::Array(entries);
        result
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.value = Value::String(if self.wanted.all { text.to_owned() } else { String::new() });
        Ok(())
    }

    fn visit_bool<E>(self, yes: bool) -> Result<(), E> {
        *self.value = Value::Bool(yes);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        *self.value = number.into();
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        *self.value = number.into();
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        *self.value = number.into();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A member's name, borrowed where it holds no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        json.deserialize_str(Name).map(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    fn look(body: &str, paths: &[&str]) -> Glance {
        let paths: Vec<Path> = paths.iter().map(|path| path.parse().unwrap()).collect();
        glance(body.as_bytes(), &paths.iter().collect())
    }

    #[test]
    fn only_the_wanted_members_are_kept() {
        let seen = look(r#"{"data":{"a":[1,2]},"errors":[{"code":1}],"extensions":{}}"#, &["errors[*].code"]);
        assert_eq!(seen.body, Some(json!({"errors": [{"code": 1}]})));
        assert!(seen.has_data && seen.has_errors && seen.is_complete);
    }

    #[test]
    fn a_body_that_breaks_off_keeps_what_came_whole() {
        let seen = look(r#"{"errors":[{"code":1}],"data":{"a":["#, &["errors[*].code"]);
        assert_eq!(seen.body, Some(json!({"errors": [{"code": 1}]})));
        assert!(seen.has_data && !seen.is_complete);
        let batch = look(r#"[{"data":1},{"errors":[7],"x"#, &["errors"]);
        assert_eq!(batch.body, Some(json!([{}, {"errors": [7]}])));
    }

    #[test]
    fn lists_at_the_top_and_wildcards_work() {
        assert_eq!(
            look(r#"[{"errorCode":"A","x":1}]"#, &["[0].errorCode"]).body,
            Some(json!([{"errorCode": "A"}]))
        );
        assert_eq!(look(r#"{"k":{"id":5}}"#, &["*.id"]).body, Some(json!({"k": {"id": 5}})));
        assert_eq!(look(r#"[[{"id":5}]]"#, &["[0][0].id"]).body, Some(json!([[{"id": 5}]])));
    }

    #[test]
    fn token_answers_are_json_or_forms_whatever_the_media_type_says() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert_eq!(fields(&headers, b"\xef\xbb\xbf {\"a\":1}\r\n"), Some(json!({"a": 1})));
        assert_eq!(fields(&headers, b"a=1&b=x+y%21"), Some(json!({"a": "1", "b": "x y!"})));
        for broken in [&b"{\"a\":"[..], b"<a href=\"x\">", b"", b"oops", b"a = b"] {
            assert_eq!(fields(&headers, broken), None);
        }
    }
}
