//! URLs and values with variables: `https://{tenant}.example.com/token`.

use serde::de::{Deserialize, Deserializer, Error as _};
use url::Url;

use crate::error::{ErrorKind, Failure};

/// A text with `{variables}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Blank(String),
}

impl Template {
    /// The names of the variables.
    pub(super) fn blanks(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Blank(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text with its variables replaced; the error is the name of a variable without a value.
    pub(super) fn fill<'a>(&self, value: &dyn Fn(&str) -> Option<&'a str>) -> Result<String, &str> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Blank(name) => text.push_str(value(name).ok_or(name.as_str())?),
            }
        }
        Ok(text)
    }

    /// The URL with its variables replaced. A value cannot change the host: one at the start must be a complete base
    /// URL, any other must be a plain word.
    pub(super) fn url<'a>(
        &self,
        dialect: &str,
        value: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<Url, Failure> {
        let at_start = match self.0.first() {
            Some(Piece::Blank(name)) => Some(name.as_str()),
            _ => None,
        };
        for name in self.blanks() {
            let text = value(name).ok_or_else(|| missing(dialect, name))?;
            let fits = if at_start == Some(name) { is_base(text) } else { is_word(text) };
            fits.then_some(()).ok_or_else(|| unusable(dialect, name, at_start == Some(name)))?;
        }
        let trimmed = |name: &str| value(name).map(|text| text.trim_end_matches('/'));
        let text = self.fill(&trimmed).map_err(|name| missing(dialect, name))?;
        web_url(&text).ok_or_else(|| Failure::new(ErrorKind::InvalidConfig, format!("dialect {dialect}: the URL does not parse once its variables are filled in; check their values")))
    }
}

fn missing(dialect: &str, name: &str) -> Failure {
    let message = format!(
        "dialect {dialect} needs the variable `{name}`; set it in the session's variables, or give the token URL"
    );
    Failure { argument: Some("variables".to_owned()), ..Failure::new(ErrorKind::InvalidConfig, message) }
}

fn unusable(dialect: &str, name: &str, is_start: bool) -> Failure {
    let wanted = if is_start {
        "an http(s) URL without user, query and fragment"
    } else {
        "a plain word or host: letters, digits and `._~:-`"
    };
    let message = format!("dialect {dialect}: the variable `{name}` must be {wanted}");
    Failure { argument: Some("variables".to_owned()), ..Failure::new(ErrorKind::InvalidConfig, message) }
}

fn is_base(text: &str) -> bool {
    let plain = |url: &Url| {
        url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    web_url(text).is_some_and(|url| plain(&url))
}

fn is_word(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~:-".contains(&byte));
    letters && !text.is_empty() && text != "." && text != ".."
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

impl std::str::FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a brace is opened and never closed")?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Blank(
                blank(name).ok_or("braces must hold the name of a variable: letters, digits and `_`")?,
            ));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

fn blank(name: &str) -> Option<String> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (letters && !name.is_empty()).then(|| name.to_owned())
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(template: &str, value: &'static str) -> Result<String, Failure> {
        let template: Template = template.parse().unwrap();
        template.url("test", &|_| Some(value)).map(String::from)
    }

    #[test]
    fn blanks_are_filled() {
        assert_eq!(
            url("https://{tenant}.example.com/token", "acme").unwrap(),
            "https://acme.example.com/token"
        );
        assert_eq!(
            url("{base}/token", "https://idp.example/auth/").unwrap(),
            "https://idp.example/auth/token"
        );
    }

    #[test]
    fn a_value_cannot_lead_to_another_host() {
        for value in [
            "evil.example/",
            "a@evil.example",
            "evil.example?",
            "evil.example#",
            "a\\b",
            "",
            "a b",
            "..",
            "%2e",
        ] {
            assert!(url("https://{tenant}.example.com/token", value).is_err(), "{value}");
        }
        for value in ["ftp://x", "https://u:p@x", "https://x?a", "https://x#a", "x"] {
            assert!(url("{base}/token", value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_missing_value_is_named() {
        let template: Template = "https://{tenant}.example.com".parse().unwrap();
        let failure = template.url("test", &|_| None).unwrap_err();
        assert!(failure.message.contains("`tenant`"), "{failure}");
    }

    #[test]
    fn braces_must_hold_a_name() {
        for text in ["{", "{}", "a{b c}", "{a"] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
    }
}
