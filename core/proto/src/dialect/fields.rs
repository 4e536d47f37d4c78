//! The fields of a token request, and their encoding.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::scalar::Scalar;
use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};

/// The fields of a request, in the order in which they are sent.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, Field)>);

pub(super) enum Field {
    Text(Zeroizing<String>),
    Plain(Scalar),
    /// A list of values: repeated fields in a form, a list in JSON.
    Several(Vec<String>),
}

impl Fields {
    /// A field without a name or a value is not sent (RFC 6749 section 3.2).
    pub(super) fn text(&mut self, name: &str, value: &str) {
        if !name.is_empty() && !value.is_empty() {
            self.add(name, Field::Text(Zeroizing::new(value.to_owned())));
        }
    }

    /// A field that may occur more than once (RFC 8707 section 2).
    pub(super) fn several(&mut self, name: &str, values: &[String]) {
        match values {
            [] => {}
            [one] => self.text(name, one),
            several if !name.is_empty() => self.add(name, Field::Several(several.to_vec())),
            _ => {}
        }
    }

    pub(super) fn add(&mut self, name: &str, field: Field) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), field));
    }

    /// Replaces fields that the URL already has: the user's URL may contain an old token.
    pub(super) fn extend_query(&self, url: &mut Url) {
        let ours = |name: &str| self.0.iter().any(|(own, _)| own == name);
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !ours(name))
            .map(|(n, v)| (n.into_owned(), v.into_owned()))
            .collect();
        let mut query = url.query_pairs_mut();
        query.clear().extend_pairs(kept);
        for (name, text) in self.pairs() {
            query.append_pair(name, &text);
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&String, Zeroizing<String>)> {
        self.0.iter().flat_map(|(name, field)| field.texts().into_iter().map(move |text| (name, text)))
    }

    pub(super) fn form(&self) -> Secret {
        // Reserves space for everything escaped: a growing buffer would leave copies of secrets in memory.
        let pairs = || self.pairs();
        let room = pairs().map(|(name, text)| 3 * (name.len() + text.len()) + 2).sum();
        let mut form = url::form_urlencoded::Serializer::new(String::with_capacity(room));
        for (name, text) in pairs() {
            form.append_pair(name, &text);
        }
        Secret::new(form.finish())
    }

    pub(super) fn json(&self, dialect: &str) -> Result<Secret, Failure> {
        written(dialect, &self.members())
    }

    pub(super) fn graphql(&self, dialect: &str, document: &str) -> Result<Secret, Failure> {
        #[derive(serde::Serialize)]
        struct Request<'a> {
            query: &'a str,
            variables: BTreeMap<&'a str, Member<'a>>,
        }
        written(dialect, &Request { query: document, variables: self.members() })
    }

    fn members(&self) -> BTreeMap<&str, Member<'_>> {
        self.0.iter().map(|(name, field)| (name.as_str(), field.member())).collect()
    }
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(&'a str),
    Plain(Value),
    Several(&'a [String]),
}

impl Field {
    fn texts(&self) -> Vec<Zeroizing<String>> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::Plain(scalar) => vec![Zeroizing::new(scalar.text())],
            Self::Several(texts) => texts.iter().cloned().map(Zeroizing::new).collect(),
        }
    }

    fn member(&self) -> Member<'_> {
        match self {
            Self::Text(text) => Member::Text(text),
            Self::Plain(Scalar::Number(number)) => Member::Plain(Value::Number(number.clone())),
            Self::Plain(Scalar::Bool(yes)) => Member::Plain(Value::Bool(*yes)),
            Self::Plain(Scalar::Text(text)) => Member::Text(text),
            Self::Several(texts) => Member::Several(texts),
        }
    }
}

fn written(dialect: &str, body: &impl serde::Serialize) -> Result<Secret, Failure> {
    serde_json::to_string(body).map(Secret::new).map_err(|_| {
        Failure::new(
            ErrorKind::InvalidConfig,
            format!("dialect {dialect} cannot write its token request as JSON"),
        )
    })
}
