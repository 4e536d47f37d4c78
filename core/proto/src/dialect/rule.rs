//! The ordered rules of a dialect: conditions on status, header, path and value, and the meaning of a match.

use http::header::LOCATION;
use http::{HeaderMap, HeaderName, StatusCode};
use memchr::memmem;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;
use url::Url;

use super::path::Path;
use super::scalar::{Scalar, Several, text_of};

/// The input of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The body, if it could be parsed; for an API response only the members that rules request.
    pub(super) body: Option<&'a Value>,
    pub(super) is_empty: bool,
    /// The raw body, for tests on its text.
    pub(super) text: &'a [u8],
    /// The token that was sent has expired by the clock.
    pub(super) is_past_end: bool,
    /// The URL of the request, if known: a redirect may be relative to it.
    pub(super) url: Option<&'a Url>,
}

impl Seen<'_> {
    /// The target of a redirect. A relative one has a path even if the server's URL is unknown.
    fn location(&self) -> Option<Url> {
        let text = self.headers.get(LOCATION)?.to_str().ok()?;
        match self.url {
            Some(url) => url.join(text).ok(),
            None => Url::parse("http://localhost/").ok()?.join(text).ok(),
        }
        .filter(|_| self.status.is_redirection())
    }
}

/// When a rule applies: all of its conditions must be met.
#[derive(Clone, Debug)]
pub(super) struct When {
    statuses: Vec<Statuses>,
    empty_body: bool,
    past_end: bool,
    tests: Vec<Test>,
}

/// The fields of a condition in a dialect file.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    pub(super) status: Several<Statuses>,
    pub(super) empty_body: bool,
    pub(super) past_end: bool,
    pub(super) test: RawTest,
    pub(super) also: Vec<Test>,
}

impl TryFrom<Condition> for When {
    type Error = String;

    fn try_from(raw: Condition) -> Result<Self, String> {
        let mut tests = Vec::new();
        if raw.test != RawTest::default() {
            tests.push(Test::try_from(raw.test)?);
        }
        tests.extend(raw.also);
        if raw.status.0.is_empty() && tests.is_empty() && !raw.empty_body {
            return Err(
                "a rule needs a condition: add `status`, `path`, `header`, `location`, `text` or `empty_body`".into()
            );
        }
        if raw.empty_body && tests.iter().any(Test::reads_body) {
            return Err(
                "`empty_body` and a test on the body never match together: leave one of them out".into()
            );
        }
        Ok(Self { statuses: raw.status.0, empty_body: raw.empty_body, past_end: raw.past_end, tests })
    }
}

impl When {
    pub(super) fn is_met(&self, seen: &Seen<'_>) -> bool {
        let status = self.admits(seen.status);
        let clock = !self.past_end || seen.is_past_end;
        status
            && clock
            && (!self.empty_body || seen.is_empty)
            && self.tests.iter().all(|test| test.is_met(seen))
    }

    /// Whether the rule applies only to an expired token.
    pub(super) fn asks_for_the_clock(&self) -> bool {
        self.past_end
    }

    /// Whether the rule depends on the body.
    pub(super) fn reads_body(&self) -> bool {
        self.tests.iter().any(Test::reads_body)
    }

    /// Whether the status matches the rule.
    pub(super) fn admits(&self, status: StatusCode) -> bool {
        self.statuses.is_empty() || self.statuses.iter().any(|one| one.contains(status))
    }

    /// Whether the body may contain everything that the rule tests.
    pub(super) fn may_match<'a>(&'a self, names: &mut Names<'a>) -> bool {
        self.paths().all(|path| path.outermost_key().is_none_or(|name| names.hold(name)))
    }

    /// The paths that the rule needs.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.tests.iter().filter_map(Test::path)
    }

    /// The text that matched the first test on the body.
    pub(super) fn found(&self, seen: &Seen<'_>) -> Option<String> {
        let body = seen.body?;
        let test = self.tests.iter().find(|test| matches!(test.place, Place::Body(_)))?;
        let Place::Body(path) = &test.place else { return None };
        path.find(body, &mut |value| test.wanted.fits(value)).and_then(text_of)
    }
}

/// Looks for names in a body by their bytes, once for each name, without parsing.
pub(super) struct Names<'a> {
    body: &'a [u8],
    known: Vec<(&'a str, bool)>,
}

impl<'a> Names<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self { body, known: Vec::new() }
    }

    fn hold(&mut self, name: &'a str) -> bool {
        if let Some((_, held)) = self.known.iter().find(|(known, _)| *known == name) {
            return *held;
        }
        let held = memmem::find(self.body, format!("\"{name}\"").as_bytes()).is_some();
        self.known.push((name, held));
        held
    }
}

/// A place in the response, and the value that it must have.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "RawTest")]
pub(super) struct Test {
    place: Place,
    wanted: Wanted,
}

/// A [`Test`] as in a dialect file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RawTest {
    pub(super) path: Option<Path>,
    pub(super) header: Option<String>,
    /// The target of a redirect.
    pub(super) location: Option<bool>,
    /// The raw body, for servers that respond in plain text.
    pub(super) text: Option<bool>,
    pub(super) equals: Option<Several<Scalar>>,
    pub(super) starts_with: Option<Several<String>>,
    pub(super) contains: Option<Several<String>>,
    pub(super) any: Option<bool>,
}

crate::members!(RawTest { path, header, location, text, equals, starts_with, contains, any });

#[derive(Clone, Debug)]
enum Place {
    Body(Path),
    Header(String),
    Location,
    Text,
}

#[derive(Clone, Debug)]
enum Wanted {
    Equals(Vec<Scalar>),
    StartsWith(Vec<String>),
    Contains(Vec<String>),
    Any,
}

impl TryFrom<RawTest> for Test {
    type Error = String;

    fn try_from(raw: RawTest) -> Result<Self, String> {
        let place = match (raw.path, raw.header, raw.location, raw.text) {
            (Some(path), None, None, None) => Place::Body(path),
            (None, Some(name), None, None) if HeaderName::try_from(name.as_str()).is_ok() => {
                Place::Header(name)
            }
            (None, Some(_), None, None) => return Err("`header` is not the name of a header".into()),
            (None, None, Some(true), None) => Place::Location,
            (None, None, None, Some(true)) => Place::Text,
            _ => {
                return Err(
                    "a test needs one of `path`, `header`, `location = true` and `text = true`".into()
                );
            }
        };
        let lists = [&raw.starts_with, &raw.contains].into_iter().flatten().map(|list| list.0.len());
        if lists.chain(raw.equals.iter().map(|list| list.0.len())).any(|length| length == 0) {
            return Err("an empty list never matches: give at least one value".into());
        }
        let wanted = match (raw.equals, raw.starts_with, raw.contains, raw.any) {
            (Some(values), None, None, None) => Wanted::Equals(values.0),
            (None, Some(values), None, None) => Wanted::StartsWith(values.0),
            (None, None, Some(values), None) => Wanted::Contains(values.0),
            (None, None, None, Some(true)) => Wanted::Any,
            _ => {
                return Err("a test needs one of `equals`, `starts_with`, `contains` and `any = true`".into());
            }
        };
        Ok(Self { place, wanted })
    }
}

impl Test {
    /// The path that the test needs of the body.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Body(path) => Some(path),
            Place::Header(_) | Place::Location | Place::Text => None,
        }
    }

    fn reads_body(&self) -> bool {
        matches!(self.place, Place::Body(_) | Place::Text)
    }

    pub(super) fn is_met(&self, seen: &Seen<'_>) -> bool {
        match &self.place {
            Place::Body(path) => {
                seen.body.is_some_and(|body| path.any(body, &mut |value| self.wanted.fits(value)))
            }
            Place::Text => self.wanted.fits_bytes(seen.text.trim_ascii()),
            Place::Location => seen.location().is_some_and(|url| self.wanted.fits_url(&url)),
            Place::Header(name) => {
                seen.headers.get_all(name).iter().any(|value| self.wanted.fits_bytes(value.as_bytes()))
            }
        }
    }
}

impl Wanted {
    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Any => !value.is_null(),
            Self::Equals(values) => values.iter().any(|one| one.says(value)),
            _ => text_of(value).is_some_and(|text| self.fits_text(&text)),
        }
    }

    fn fits_bytes(&self, value: &[u8]) -> bool {
        self.fits_text(&String::from_utf8_lossy(value))
    }

    /// Compares the path alone, or with scheme and host. The query may contain anything, such as the URL to return
    /// to.
    fn fits_url(&self, url: &Url) -> bool {
        self.fits_text(url.path()) || self.fits_text(&url[..url::Position::AfterPath])
    }

    fn fits_text(&self, text: &str) -> bool {
        match self {
            Self::Any => !text.is_empty(),
            Self::Equals(values) => values.iter().any(|one| one.text() == text),
            Self::StartsWith(values) => values.iter().any(|one| text.starts_with(one)),
            Self::Contains(values) => values.iter().any(|one| text.contains(one)),
        }
    }
}

/// A status, or a range of them: `401`, `"4xx"`, `"500-504"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statuses {
    first: u16,
    last: u16,
}

impl Statuses {
    fn contains(self, status: StatusCode) -> bool {
        (self.first..=self.last).contains(&status.as_u16())
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_suffix("xx") {
            let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
            return Some(Self { first: class * 100, last: class * 100 + 99 });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        ((100..=599).contains(&first) && first <= last && last <= 599).then_some(Self { first, last })
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?.text();
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not a status: write 401, \"4xx\" or \"500-504\""))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        let held = |text, status| {
            Statuses::parse(text).is_some_and(|one| one.contains(StatusCode::from_u16(status).unwrap()))
        };
        assert!(held("401", 401) && held("4xx", 499) && held("500-504", 502));
        assert!(!held("4xx", 500) && !held("500-504", 505));
        for text in ["", "xx", "9xx", "abc", "504-500", "99", "600", "4xxx"] {
            assert_eq!(Statuses::parse(text), None, "{text}");
        }
    }

    #[test]
    fn codes_compare_as_text_and_as_number() {
        let code = Scalar::Number(3200.into());
        assert!(code.says(&serde_json::json!("3200")) && code.says(&serde_json::json!(3200)));
        assert!(!code.says(&serde_json::json!("03200")));
    }
}
