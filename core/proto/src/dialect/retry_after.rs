//! How long a server asks clients to wait (spec 5.3, 8.2): `Retry-After` in seconds or as a date, an epoch in a
//! header, a number of seconds in the body.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde_json::Value;

use super::expiry_fields::{self, End};
use super::path::Path;
use super::scalar::Several;
use crate::time::Wall;

/// A header never causes a wait of more than a day; the engine has its own cap.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Where responses contain the delay, besides `Retry-After`.
#[derive(Clone, Debug, Default)]
pub(super) struct RetryAfter {
    /// Headers with a number of seconds.
    seconds_headers: Several<String>,
    /// Headers with an epoch, in seconds or milliseconds.
    epoch_headers: Several<String>,
    /// Paths to a number of seconds.
    body_seconds: Several<Path>,
}

crate::members!(RetryAfter { seconds_headers, epoch_headers, body_seconds });

impl RetryAfter {
    /// The delay. `now` is the wall clock when the response arrived, if known; without it, and without the response's
    /// `Date`, a date is ignored.
    pub(super) fn read(
        &self,
        headers: &HeaderMap,
        body: Option<&Value>,
        now: Option<Wall>,
    ) -> Option<Duration> {
        let now = expiry_fields::date(headers).or(now);
        let plain = header(headers, RETRY_AFTER.as_str()).and_then(|text| seconds_or_date(text, now));
        let after = plain.or_else(|| self.by_seconds(headers)).or_else(|| self.by_body(body));
        after.or_else(|| self.by_epoch(headers, now)).map(|after| after.min(LONGEST))
    }

    /// The paths to read.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.body_seconds.0.iter()
    }

    fn by_seconds(&self, headers: &HeaderMap) -> Option<Duration> {
        self.seconds_headers.0.iter().find_map(|name| seconds(header(headers, name)?))
    }

    fn by_body(&self, body: Option<&Value>) -> Option<Duration> {
        self.body_seconds.0.iter().find_map(|path| expiry_fields::seconds(path.first(body?)?))
    }

    fn by_epoch(&self, headers: &HeaderMap, now: Option<Wall>) -> Option<Duration> {
        self.epoch_headers.0.iter().find_map(|name| {
            let value = Value::String(header(headers, name)?.to_owned());
            match expiry_fields::epoch(&value, headers, now?)? {
                End::In(after) => Some(after),
                End::Past => Some(Duration::ZERO),
            }
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds_or_date(text: &str, now: Option<Wall>) -> Option<Duration> {
    seconds(text).or_else(|| date(text, now?))
}

fn seconds(text: &str) -> Option<Duration> {
    // RFC 9110 section 10.2.3 allows only digits; some servers add a fraction. An exponent is invalid.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|_| is_plain)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST))
}

fn date(text: &str, now: Wall) -> Option<Duration> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Wall::default().plus(since).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use serde_json::json;

    fn after(pairs: &[(&str, &str)], body: Option<&Value>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        let sources = json!({"epoch_headers": "x-rate-limit-reset", "body_seconds": ["retry_after"]});
        serde_json::from_value::<RetryAfter>(sources).unwrap().read(
            &headers,
            body,
            Some(Wall(1_795_219_200_000)),
        )
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(after(&[("retry-after", "120")], None), Some(Duration::from_secs(120)));
        let date =
            [("retry-after", "Sat, 21 Nov 2026 00:02:00 GMT"), ("date", "Sat, 21 Nov 2026 00:01:00 GMT")];
        assert_eq!(after(&date, None), Some(Duration::from_secs(60)));
        assert_eq!(after(&date[..1], None), Some(Duration::from_secs(120)));
    }

    #[test]
    fn an_epoch_header_and_a_float_in_the_body_are_read() {
        assert_eq!(after(&[("x-rate-limit-reset", "1795219230")], None), Some(Duration::from_secs(30)));
        assert_eq!(after(&[], Some(&json!({"retry_after": 0.75}))), Some(Duration::from_millis(750)));
    }

    #[test]
    fn a_past_date_means_now_and_nonsense_means_nothing() {
        assert_eq!(after(&[("retry-after", "Sat, 21 Nov 2020 00:00:00 GMT")], None), Some(Duration::ZERO));
        for text in ["soon", "-5", "NaN", "", "1e1", "1e300", "+5", "inf", "."] {
            assert_eq!(after(&[("retry-after", text)], None), None, "{text}");
        }
        let long = "9".repeat(400);
        assert_eq!(after(&[("retry-after", &long)], None), Some(LONGEST));
        assert_eq!(after(&[("retry-after", "0.5")], None), Some(Duration::from_millis(500)));
    }
}
