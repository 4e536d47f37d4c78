//! A request as it is sent.

use std::time::Duration;

use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use rekindle_proto::retry::RetryPolicy;
use url::Url;

use super::body::Body;
use crate::error::Error;

/// Marks a request that may be repeated.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A complete request.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) timeout: Option<Duration>,
    pub(super) follow_redirects: bool,
    pub(super) reading: Reading,
    /// The maximum length of a body that is read completely.
    pub(super) max_body_bytes: usize,
    pub(super) own: Option<Box<Own>>,
}

/// The settings of a request that differ from its client's. Boxed: few requests have any.
#[derive(Default)]
pub(super) struct Own {
    pub(super) retry: Option<RetryPolicy>,
    pub(super) replay: Option<bool>,
    pub(super) without_token: bool,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) read_timeout: Option<Duration>,
}

/// How the caller reads the response (spec 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Unknown.
    Any,
    /// Completely: the whole body is judged.
    Whole,
    /// As a stream: judging never waits for it.
    Streamed,
}

impl Request {
    pub(super) fn new(method: Method, url: Url, timeout: Option<Duration>) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::default(),
            timeout,
            follow_redirects: true,
            reading: Reading::Any,
            max_body_bytes: usize::MAX,
            own: None,
        }
    }

    /// Its deadline has passed.
    pub(super) fn late(&self, doing: &str) -> Error {
        Error::timeout_of(doing, &self.url, self.timeout)
    }

    pub(super) fn own_retry(&self) -> Option<&RetryPolicy> {
        self.own.as_ref()?.retry.as_ref()
    }

    /// Whether the caller allows sending it twice, if set.
    pub(super) fn replay(&self) -> Option<bool> {
        self.own.as_ref()?.replay
    }

    pub(super) fn is_without_token(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.without_token)
    }

    pub(super) fn own_connect_timeout(&self) -> Option<Duration> {
        self.own.as_ref()?.connect_timeout
    }

    pub(super) fn own_read_timeout(&self) -> Option<Duration> {
        self.own.as_ref()?.read_timeout
    }

    pub(super) fn own(&mut self) -> &mut Own {
        self.own.get_or_insert_default()
    }

    pub(super) fn set_body(&mut self, body: Body, media_type: Option<HeaderValue>) {
        self.body = body;
        if let Some(media_type) = media_type
            && !self.headers.contains_key(CONTENT_TYPE)
        {
            self.headers.insert(CONTENT_TYPE, media_type);
        }
    }
}

/// Checks that the policy sends at least once.
pub(super) fn checked(policy: &RetryPolicy) -> Result<(), Error> {
    if policy.max_sends == 0 {
        return Err(Error::config("max_sends", "0 would send nothing; 1 sends once and never again"));
    }
    Ok(())
}

/// No server accepts as many, and a `HeaderMap` panics when it is full.
const MOST_HEADERS: usize = 1024;

/// Adds a header, if there is space for it.
pub(super) fn add(
    headers: &mut HeaderMap,
    setting: &str,
    name: HeaderName,
    value: HeaderValue,
) -> Result<(), Error> {
    if headers.len() >= MOST_HEADERS {
        return Err(Error::config(setting, "more than 1024 of them: most servers accept about 100"));
    }
    headers.append(name, value);
    Ok(())
}
