//! Samples of a dialect: responses as a server gave them, and what they are expected to mean.

mod checked;
mod found;

use std::collections::BTreeMap;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rekindle::{Dialect, Exchange, Operation, Wall};
use rekindle_proto::GrantRequest;
use rekindle_proto::dialect::{Answer, ClientIdentity, Document, Mistake};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

pub(crate) use self::checked::Checked;
use self::found::{of_outcome, of_request, of_verdict};
use crate::exit::{Done, Stop};

/// A file of samples.
#[derive(Debug)]
pub(crate) struct Samples {
    document: Document,
    file: String,
    written: Written,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The settings of the session that the requests are shown for.
    token_url: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    api: Vec<ApiSample>,
    #[serde(default)]
    token: Vec<TokenSample>,
    #[serde(default)]
    refresh: Vec<RefreshSample>,
}

/// A response of the API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiSample {
    #[serde(default)]
    name: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default = "api")]
    url: String,
    #[serde(default)]
    operation: OperationName,
    /// The token that went along is past its end by the clock.
    #[serde(default)]
    past_end: bool,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    json: Option<Value>,
    expect: Expected,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OperationName {
    #[default]
    Http,
    GraphqlQuery,
    GraphqlMutation,
}

/// An answer of the token endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenSample {
    #[serde(default)]
    name: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    json: Option<Value>,
    expect: Expected,
}

/// The request for new tokens, as it should be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshSample {
    #[serde(default)]
    name: String,
    refresh_token: String,
    access_token: Option<String>,
    /// What came with the last tokens.
    #[serde(default)]
    extra: BTreeMap<String, String>,
    expect: Map<String, Value>,
}

/// A verdict alone, or with more of it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expected {
    Name(String),
    Members(Map<String, Value>),
}

impl Samples {
    pub(crate) fn read(text: &str, file: &Path) -> Done<Self> {
        let file = file.display().to_string();
        let misread = |mistake: Mistake| {
            let line = mistake.line.map_or_else(String::new, |line| format!(", line {line}"));
            let field =
                if mistake.field.is_empty() { String::new() } else { format!(", field `{}`", mistake.field) };
            Stop::config(format!("{file}{line}{field}: {}", mistake.what.trim()))
        };
        let document = Document::parse(text).map_err(misread)?;
        let written = document.read().map_err(misread)?;
        Ok(Self { document, file, written })
    }

    /// Asks the dialect about each.
    pub(crate) fn check(&self, dialect: &Dialect) -> Done<Vec<Checked>> {
        let Written { api, token, refresh, .. } = &self.written;
        let mut checked = Vec::new();
        for (at, sample) in api.iter().enumerate() {
            let found = self.at("api", at, sample.found(dialect))?;
            checked.push(self.checked("api", at, &sample.name, found, sample.expect.members("verdict")));
        }
        for (at, sample) in token.iter().enumerate() {
            let found = self.at("token", at, sample.found(dialect))?;
            checked.push(self.checked("token", at, &sample.name, found, sample.expect.members("outcome")));
        }
        for (at, sample) in refresh.iter().enumerate() {
            let found = self.at(
                "refresh",
                at,
                self.identity().and_then(|identity| sample.found(dialect, &identity)),
            )?;
            checked.push(self.checked("refresh", at, &sample.name, found, sample.expect.clone()));
        }
        Ok(checked)
    }

    fn identity(&self) -> Result<ClientIdentity, String> {
        let Written { token_url, client_id, variables, .. } = &self.written;
        Ok(ClientIdentity {
            token_url: token_url.as_deref().map(url).transpose()?,
            client_id: client_id.clone(),
            variables: variables.clone(),
            ..ClientIdentity::default()
        })
    }

    fn at<T>(&self, kind: &str, at: usize, found: Result<T, String>) -> Done<T> {
        let place = format!("{kind}[{at}]");
        let line = self.document.line(&place).map_or_else(String::new, |line| format!(", line {line}"));
        found.map_err(|what| Stop::config(format!("{}{line}, `{place}`: {what}", self.file)))
    }

    fn checked(
        &self,
        kind: &str,
        at: usize,
        name: &str,
        found: Value,
        expected: Map<String, Value>,
    ) -> Checked {
        let place = format!("{kind}[{at}]");
        let line = self.document.line(&place);
        let sample = if name.is_empty() { place } else { format!("{place} {name}") };
        Checked::new(sample, line, &found, expected)
    }
}

impl ApiSample {
    fn found(&self, dialect: &Dialect) -> Result<Value, String> {
        let method =
            Method::try_from(self.method.as_str()).map_err(|_| "`method` is no method".to_owned())?;
        let (headers, body) = (headers(&self.headers)?, body(self.body.as_deref(), self.json.as_ref())?);
        let exchange = Exchange {
            method: &method,
            url: &url(&self.url)?,
            operation: match self.operation {
                OperationName::Http => Operation::Http,
                OperationName::GraphqlQuery => Operation::GraphqlQuery,
                OperationName::GraphqlMutation => Operation::GraphqlMutation,
            },
            replayable: true,
            status: status(self.status)?,
            headers: &headers,
            body: body.as_bytes(),
        };
        let verdict =
            if self.past_end { dialect.judge_past_end(&exchange) } else { dialect.judge(&exchange) };
        Ok(of_verdict(&verdict))
    }
}

impl TokenSample {
    fn found(&self, dialect: &Dialect) -> Result<Value, String> {
        let (headers, body) = (headers(&self.headers)?, body(self.body.as_deref(), self.json.as_ref())?);
        // Without a `Date` of its own, an answer is as old as its sample: what it says of ends counts from 1970.
        let now = Wall(0);
        let (status, body) = (status(self.status)?, body.as_bytes());
        let answer = Answer { status, headers: &headers, body, sent_at: now, received_at: now };
        Ok(of_outcome(&dialect.outcome(&answer)))
    }
}

impl RefreshSample {
    fn found(&self, dialect: &Dialect, identity: &ClientIdentity) -> Result<Value, String> {
        let grant = GrantRequest::RefreshToken {
            refresh_token: self.refresh_token.as_str().into(),
            scope: None,
            extra: self.extra.clone(),
            access_token: self.access_token.as_deref().map(Into::into),
        };
        let request = dialect.token_request(identity, &grant).map_err(|failure| failure.message)?;
        Ok(of_request(&request))
    }
}

impl Expected {
    fn members(&self, name: &str) -> Map<String, Value> {
        match self {
            Self::Name(text) => Map::from_iter([(name.to_owned(), Value::from(text.as_str()))]),
            Self::Members(members) => members.clone(),
        }
    }
}

fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let pair = |(name, value): (&String, &String)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?))
    };
    let pairs =
        given.iter().map(|one| pair(one).ok_or_else(|| format!("`headers`: `{}` is no header", one.0)));
    pairs.collect()
}

fn body(text: Option<&str>, json: Option<&Value>) -> Result<String, String> {
    match (text, json) {
        (Some(_), Some(_)) => Err("give it a `body` or `json`, not both".to_owned()),
        (Some(text), None) => Ok(text.to_owned()),
        (None, Some(json)) => Ok(json.to_string()),
        (None, None) => Ok(String::new()),
    }
}

fn status(number: u16) -> Result<StatusCode, String> {
    StatusCode::from_u16(number).map_err(|_| format!("`status`: {number} is no status"))
}

fn get() -> String {
    "GET".to_owned()
}

/// Where a sample names no URL.
fn api() -> String {
    "https://api.example.com/".to_owned()
}

fn url(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|_| format!("`{text}` is no URL"))
}
