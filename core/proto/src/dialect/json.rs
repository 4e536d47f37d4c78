//! Parses servers' JSON: the requested members are read, the rest is skipped without checks (spec 2.6, 5.1).
//!
//! A lone surrogate, `1e999`, `NaN`, a raw line break, Latin-1 or deep nesting in a member that is not requested must
//! not cost a session its new refresh token.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::{Map, Number, Value};

use super::path::{Path, Step};

/// The depth up to which a value is read completely; deeper values become null.
const DEPTH_LIMIT: usize = 64;
/// The number of entries that are read of a longer list.
const ENTRY_LIMIT: usize = 10_000;

/// The result of reading a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The values at the paths, in the structure of the body. Of a truncated body: the complete values.
    pub(crate) value: Option<Value>,
    /// Whether there is a `data` key at the top level, or in a response of a batch.
    pub(crate) has_data: bool,
    /// Whether there is an `errors` key at the same places.
    pub(crate) has_errors: bool,
    /// The outermost value is complete.
    pub(crate) is_closed: bool,
    /// Only white space follows it.
    pub(crate) is_complete: bool,
}

/// Reads the values at these paths.
pub(crate) fn read<'p>(body: &[u8], paths: impl IntoIterator<Item = &'p Path>) -> Found {
    let steps: Vec<&[Step]> = paths.into_iter().flat_map(Path::reads).collect();
    Reader::new(body).read(&steps)
}

/// Reads a whole body, down to a depth that is safe for any stack.
pub(crate) fn read_all(body: &[u8]) -> Option<Value> {
    Reader::new(body).read(&[&[]]).value
}

/// The requested members below a value: the remaining steps of the paths. An empty rest requests the value itself.
type Wanted<'a, 'p> = &'a [&'p [Step]];

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    /// The body is truncated, or cannot be parsed from here on.
    is_broken: bool,
    found: Found,
}

impl<'a> Reader<'a> {
    fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, is_broken: false, found: Found::default() }
    }

    fn read(mut self, wanted: Wanted<'_, '_>) -> Found {
        self.skip_space();
        let is_list = self.peek() == Some(b'[');
        // In a GraphQL batch, each response of the list has its own `errors`.
        let of_batch =
            wanted.iter().filter(|steps| matches!(steps.first(), Some(Step::Key(key)) if key == "errors"));
        let of_batch: Vec<&[Step]> = if is_list { of_batch.copied().collect() } else { Vec::new() };
        let value = if is_list { self.list(wanted, &of_batch, 0) } else { self.value(wanted, 0) };
        self.found.value = (!value.is_null()).then_some(value);
        self.found.is_closed = !self.is_broken;
        self.skip_space();
        self.found.is_complete = !self.is_broken && self.at == self.body.len();
        self.found
    }

    fn value(&mut self, wanted: Wanted<'_, '_>, depth: usize) -> Value {
        self.skip_space();
        let whole = wanted.iter().any(|steps| steps.is_empty());
        match self.peek() {
            Some(b'{') => self.object(wanted, depth),
            Some(b'[') => self.list(wanted, &[], depth),
            Some(b'"') => match self.string() {
                Some(text) if whole => Value::String(unescaped(text).into_owned()),
                _ => Value::Null,
            },
            _ => {
                let word = self.word();
                if whole { plain(word) } else { Value::Null }
            }
        }
    }

    fn object(&mut self, wanted: Wanted<'_, '_>, depth: usize) -> Value {
        let mut members = Map::new();
        self.at += 1;
        while let Some(name) = self.name() {
            if depth == 0 {
                self.found.has_data |= name == "data";
                self.found.has_errors |= name == "errors";
            }
            let below = below(wanted, depth, |step| {
                matches!(step, Step::Each) || matches!(step, Step::Key(key) if *key == name)
            });
            if below.is_empty() {
                self.skip();
                continue;
            }
            let value = self.value(&below, depth + 1);
            // A truncated value is ignored; of a truncated list or object, the complete part is kept.
            if !self.is_broken || value.is_object() || value.is_array() {
                members.insert(name.into_owned(), value);
            }
        }
        Value::Object(members)
    }

    /// `of_each` is requested of each entry, in addition to the paths.
    fn list(&mut self, wanted: Wanted<'_, '_>, of_each: Wanted<'_, '_>, depth: usize) -> Value {
        let mut entries = Vec::new();
        self.at += 1;
        while self.has_entry() {
            let index = entries.len();
            if index >= ENTRY_LIMIT {
                self.skip();
                continue;
            }
            let mut below = below(wanted, depth, |step| step.is_several() || *step == Step::Entry(index));
            below.extend(of_each);
            // `data` and `errors` are looked for in the responses of a batch.
            let is_answer = depth == 0 && self.peek() == Some(b'{');
            let value = if is_answer {
                self.answer(&below)
            } else if below.is_empty() {
                self.skip();
                Value::Null
            } else {
                self.value(&below, depth + 1)
            };
            if !self.is_broken || value.is_object() || value.is_array() {
                entries.push(value);
            }
        }
        Value::Array(entries)
    }

    fn answer(&mut self, wanted: Wanted<'_, '_>) -> Value {
        self.object(wanted, 0)
    }

    /// Reads the name of the next member and its colon; `None` at the end of the object.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        match self.next_of(b'}')? {
            b'"' => {
                let name = self.string()?;
                self.skip_space();
                if self.peek() != Some(b':') {
                    self.is_broken = true;
                    return None;
                }
                self.at += 1;
                Some(unescaped(name))
            }
            _ => {
                self.is_broken = true;
                None
            }
        }
    }

    fn has_entry(&mut self) -> bool {
        self.next_of(b']').is_some()
    }

    /// The first byte of the next item in a container; `None` at its end.
    fn next_of(&mut self, closing: u8) -> Option<u8> {
        if self.is_broken {
            return None;
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte == b',') {
            self.at += 1;
        }
        match self.peek() {
            Some(byte) if byte == closing => {
                self.at += 1;
                None
            }
            Some(b'}' | b']' | b':') | None => {
                self.is_broken = true;
                None
            }
            other => other,
        }
    }

    /// The raw contents of a string; `None` if it is not terminated.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            let Some(step) = self.body.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) else {
                self.at = self.body.len();
                self.is_broken = true;
                return None;
            };
            at += step;
            if self.body[at] == b'"' {
                self.at = at + 1;
                return Some(&self.body[start..at]);
            }
            at += 2;
        }
    }

    /// A number or a word; one at the end of the body may be truncated.
    fn word(&mut self) -> &'a [u8] {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}:\"{[".contains(byte);
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        self.is_broken |= length == 0 || self.at >= self.body.len();
        &rest[..length]
    }

    /// Skips a value of any depth without checking it.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        self.skip_space();
        loop {
            match self.peek() {
                Some(b'"') => drop(self.string()),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(byte) if depth > 0 && byte.is_ascii_whitespace() => self.at += 1,
                Some(_) => drop(self.word()),
                None => self.is_broken = true,
            }
            if depth == 0 || self.is_broken {
                return;
            }
        }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }
}

/// The requested members below a matching step.
fn below<'p>(wanted: Wanted<'_, 'p>, depth: usize, fits: impl Fn(&Step) -> bool) -> Vec<&'p [Step]> {
    let whole = depth < DEPTH_LIMIT && wanted.iter().any(|steps| steps.is_empty());
    let rests = wanted.iter().filter_map(|steps| steps.split_first()).filter(|(step, _)| fits(step));
    whole.then_some(&[][..]).into_iter().chain(rests.map(|(_, rest)| rest)).collect()
}

/// A number, `true` or `false`; other words are ignored. A number out of range is kept as text.
fn plain(word: &[u8]) -> Value {
    match word {
        b"true" => return Value::Bool(true),
        b"false" => return Value::Bool(false),
        _ => {}
    }
    let is_number = word.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    let Some(text) = std::str::from_utf8(word).ok().filter(|text| is_number && !text.is_empty()) else {
        return Value::Null;
    };
    let whole = text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from));
    let is_fraction = text.contains(['.', 'e', 'E']);
    let fraction = || text.parse().ok().filter(|_| is_fraction).and_then(Number::from_f64);
    match whole.ok().or_else(fraction) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}

/// The text of a string. Invalid text becomes U+FFFD; an invalid escape is kept unchanged.
fn unescaped(inside: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inside).is_none() {
        return String::from_utf8_lossy(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        rest = escape(&rest[at..], &mut text);
    }
    text.extend_from_slice(rest);
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

/// Decodes one escape, and returns the rest.
fn escape<'a>(from: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let plain = match from.get(1) {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
        Some(b'u') => return unicode(from, text),
        _ => {
            text.push(b'\\');
            return &from[1..];
        }
    };
    text.push(plain);
    &from[2..]
}

fn unicode<'a>(from: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some(first) = unit(from) else {
        text.push(b'\\');
        return &from[1..];
    };
    let second = from.get(6..).and_then(unit).filter(|_| (0xd800..0xdc00).contains(&first));
    let (letter, length) = match second.and_then(|second| char::decode_utf16([first, second]).next()?.ok()) {
        Some(letter) => (letter, 12),
        None => (char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
    };
    text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    &from[length..]
}

/// The code of an escape such as `\u0041`.
fn unit(from: &[u8]) -> Option<u16> {
    let digits = from.strip_prefix(b"\\u")?.get(..4)?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u16::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| is_hex)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn find(body: &[u8], paths: &[&str]) -> Found {
        let paths: Vec<Path> = paths.iter().map(|path| path.parse().unwrap()).collect();
        read(body, &paths)
    }

    #[test]
    fn what_nobody_asked_for_may_be_written_in_any_way() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let long = "9".repeat(400);
        for odd in [
            r#""\ud83d""#,
            r#""\x \u12 \"""#,
            "1e999",
            "-1e-999",
            "NaN",
            "-Infinity",
            "undefined",
            "007",
            &long,
            &deep,
            "\"a\tb\nc\"",
            r#"{"\ud83d": [{}, "]", "}"], "x": {"a": ["\\"]}}"#,
        ] {
            let body = format!(r#"{{"name": {odd}, "token" : "AT", "list":[{odd}, 7]}}"#);
            let found = find(body.as_bytes(), &["token", "list[1]"]);
            assert_eq!(found.value.unwrap(), json!({"token": "AT", "list": [null, 7]}), "{odd:.40}");
            assert!(found.is_complete, "{odd:.40}");
        }
        let latin = b"{\"name\":\"J\xfcrgen\",\"token\":\"AT\"}";
        assert_eq!(find(latin, &["token"]).value.unwrap(), json!({"token": "AT"}));
    }

    #[test]
    fn texts_are_read_as_far_as_they_are_texts() {
        for (written, text) in [
            (r"a\n\t\/\\\u00e9\ud83d\ude00", "a\n\t/\\\u{e9}\u{1f600}"),
            (r"\ud83dx\ude00", "\u{fffd}x\u{fffd}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\q\u12g4\", "\\q\\u12g4\"}"),
        ] {
            let body = format!("{{\"a\":\"{written}\"}}\"}}");
            assert_eq!(find(body.as_bytes(), &["a"]).value.unwrap()["a"], text, "{written}");
        }
        assert_eq!(find(b"{\"a\":\"J\xfc\"}", &["a"]).value.unwrap()["a"], "J\u{fffd}");
    }

    #[test]
    fn a_number_that_is_none_here_stays_as_it_is_written() {
        for (written, value) in [
            ("12", json!(12)),
            ("-3", json!(-3)),
            ("0.5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("1e999", json!("1e999")),
            ("12345678901234567890123", json!("12345678901234567890123")),
            ("NaN", json!(null)),
            ("true", json!(true)),
        ] {
            let body = format!("{{\"a\":{written}}}");
            assert_eq!(find(body.as_bytes(), &["a"]).value.unwrap()["a"], value, "{written}");
        }
    }

    #[test]
    fn a_body_that_breaks_off_keeps_what_came_whole() {
        let found = find(br#"{"errors":[{"code":1},{"code":"x"#, &["errors[*].code"]);
        assert_eq!(found.value.unwrap(), json!({"errors": [{"code": 1}, {}]}));
        assert!(found.has_errors && !found.is_closed);
        for broken in
            [r#"{"a":"#, r#"{"a":tru"#, r#"{"a":1"#, r#"{"a":"x"#, r#"{"a""#, r#"{"a" 1}"#, "[1,", "{]"]
        {
            assert!(!find(broken.as_bytes(), &["a"]).is_closed, "{broken}");
        }
    }

    #[test]
    fn what_follows_the_end_is_seen() {
        let found = find(b"{\"a\":1}\n<!-- served by 7 -->", &["a"]);
        assert!(found.is_closed && !found.is_complete && found.value.is_some());
    }

    proptest! {
        #[test]
        fn what_serde_reads_is_read_the_same(value in any_json()) {
            let text = value.to_string();
            prop_assert_eq!(read_all(text.as_bytes()).unwrap_or_default(), value);
            let text = format!("[{text}]");
            prop_assert!(find(text.as_bytes(), &["a.b", "[*].a", "[0][1]"]).is_complete);
        }

        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(prop_oneof![proptest::sample::select(b"{}[]\",:\\u1ae-".to_vec()), any::<u8>()], 0..200)) {
            let _ = (find(&body, &["a", "*", "[*].a"]), read_all(&body));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ab\"\\\\]{0,3}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }
}
