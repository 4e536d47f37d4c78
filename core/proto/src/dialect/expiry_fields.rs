//! Reads the lifetime of a token from the formats that servers use (spec 1.3).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::DATE;
use serde_json::Value;

use super::json;
use super::path::Path;
use crate::iso_8601;
use crate::time::Wall;

/// A lifetime of more than ten years is an error of the server.
const LONGEST_SECONDS: f64 = 10.0 * 365.25 * 86_400.0;
/// A value before September 2001 is not an epoch; one after the year 5000 is in milliseconds.
const EPOCH_SECONDS: std::ops::Range<f64> = 1e9..1e11;

/// The meaning of an expiry time on the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    In(Duration),
    /// The token expired before the response's own `Date`.
    Past,
}

/// A number of seconds: an integer, a float, or either as text. 0, negative and absurd values are unknown.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let seconds = number(value).filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST_SECONDS)?;
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
}

/// The same in milliseconds.
pub(super) fn milliseconds(value: &Value) -> Option<Duration> {
    seconds(&Value::from(number(value)? / 1000.0))
}

/// An epoch in seconds or milliseconds, calibrated by the response's `Date`. Without a `Date` it counts from when the
/// request was sent, and one in the past is ignored, because our clock may be wrong.
pub(super) fn epoch(value: &Value, headers: &HeaderMap, sent_at: Wall) -> Option<End> {
    let written = number(value).or_else(|| written_out(value))?;
    let seconds = if written >= EPOCH_SECONDS.end { written / 1000.0 } else { written };
    if !EPOCH_SECONDS.contains(&seconds) {
        return None;
    }
    let date = date(headers);
    let left = seconds - date.unwrap_or(sent_at).0 as f64 / 1000.0;
    match Duration::try_from_secs_f64(left) {
        Ok(left) if !left.is_zero() => (left.as_secs_f64() <= LONGEST_SECONDS).then_some(End::In(left)),
        _ => date.map(|_| End::Past),
    }
}

/// The `exp` of a JWT. Only for dialects that opt in: an access token is opaque (spec 1.4).
pub(super) fn jwt_end(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (payload, signature) = (parts.nth(1)?, parts.next());
    signature?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let exp: Path = "exp".parse().ok()?;
    exp.first(&json::read(&bytes, [&exp]).value?).cloned()
}

/// The same as a point in time, for a token whose request time is unknown.
pub(super) fn jwt_end_at(token: &str) -> Option<Wall> {
    let seconds = number(&jwt_end(token)?).filter(|seconds| EPOCH_SECONDS.contains(seconds))?;
    Some(Wall((seconds * 1000.0) as i64))
}

/// The response's `Date` as a wall-clock time.
pub(super) fn date(headers: &HeaderMap) -> Option<Wall> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// A date with a time zone, in seconds since 1970: ISO 8601, or the HTTP format (RFC 9110 section 5.6.7).
fn written_out(value: &Value) -> Option<f64> {
    let text = value.as_str()?;
    iso_8601::read(text).or_else(|| http_date(text.trim())).map(|at| at.0 as f64 / 1000.0)
}

fn http_date(text: &str) -> Option<Wall> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Wall::default().plus(since))
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    fn dated() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Sat, 21 Nov 2026 00:00:00 GMT"));
        headers
    }

    const DATE_SECONDS: i64 = 1_795_219_200;

    #[test]
    fn lifetimes_are_integers_floats_and_numeric_texts() {
        for value in [json!(3600), json!(3600.0), json!("3600"), json!(" 3600.0 ")] {
            assert_eq!(seconds(&value), Some(Duration::from_secs(3600)), "{value}");
        }
        assert_eq!(seconds(&json!(0.5)), Some(Duration::from_millis(500)));
    }

    #[test]
    fn absurd_lifetimes_are_unknown() {
        for value in [
            json!(0),
            json!(-1),
            json!(1e300),
            json!("NaN"),
            json!("inf"),
            json!(null),
            json!([3600]),
            json!("soon"),
            json!(1e-12),
            json!(400_000_000),
        ] {
            assert_eq!(seconds(&value), None, "{value}");
        }
    }

    #[test]
    fn an_epoch_is_calibrated_by_the_answers_date() {
        let an_hour = Some(End::In(Duration::from_secs(3600)));
        let wrong_clock = Wall(0);
        assert_eq!(epoch(&json!(DATE_SECONDS + 3600), &dated(), wrong_clock), an_hour);
        assert_eq!(epoch(&json!((DATE_SECONDS + 3600) * 1000), &dated(), wrong_clock), an_hour);
        assert_eq!(epoch(&json!((DATE_SECONDS + 3600).to_string()), &dated(), wrong_clock), an_hour);
    }

    // spec 1.3
    #[test]
    fn a_date_with_a_zone_is_as_good_as_an_epoch() {
        let an_hour = Some(End::In(Duration::from_secs(3600)));
        let http = ["Sat, 21 Nov 2026 01:00:00 GMT", " Saturday, 21-Nov-26 01:00:00 GMT"];
        for date in ["2026-11-21T01:00:00Z", "2026-11-21 03:00:00.000+02:00"].into_iter().chain(http) {
            assert_eq!(epoch(&json!(date), &dated(), Wall(0)), an_hour, "{date}");
        }
        assert_eq!(epoch(&json!("2026-11-20T23:00:00Z"), &dated(), Wall(0)), Some(End::Past));
        assert_eq!(epoch(&json!("2026-11-21T01:00:00"), &dated(), Wall(0)), None, "nobody knows where");
    }

    #[test]
    fn an_epoch_without_a_date_counts_from_when_the_request_was_sent() {
        let sent = Wall(DATE_SECONDS * 1000);
        assert_eq!(
            epoch(&json!(DATE_SECONDS + 60), &HeaderMap::new(), sent),
            Some(End::In(Duration::from_secs(60)))
        );
        assert_eq!(epoch(&json!(DATE_SECONDS - 60), &HeaderMap::new(), sent), None);
    }

    #[test]
    fn a_past_epoch_is_expired_on_arrival_and_an_absurd_one_unknown() {
        assert_eq!(epoch(&json!(DATE_SECONDS), &dated(), Wall(0)), Some(End::Past));
        assert_eq!(epoch(&json!(DATE_SECONDS - 1), &dated(), Wall(0)), Some(End::Past));
        for value in [json!(0), json!(-5), json!(3600), json!(1e300), json!(9_999_999_999i64)] {
            assert_eq!(epoch(&value, &dated(), Wall(0)), None, "{value}");
        }
    }

    #[test]
    fn the_end_of_a_jwt_is_read_without_checking_it() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":1795222800}"#);
        assert_eq!(jwt_end(&format!("e30.{payload}.sig")), Some(json!(1_795_222_800)));
        for token in ["", "a.b", "a.b.c", "opaque", "..", "e30.e30.x"] {
            assert_eq!(jwt_end(token), None, "{token}");
        }
    }
}
