//! The tokens of a sign-in, as JSON. What is wrong is told by the field's name, never by its value.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use rekindle::{Credential, Expiry, Secret};
use rekindle::{Dialect, TokenResponse, Wall};
use rekindle_proto::Outcome;
use rekindle_proto::dialect::Answer;
use rekindle_proto::iso_8601;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::exit::{Done, Stop};

/// Nobody's token lives longer; such a number is a mistake.
const LONGEST_SECONDS: f64 = 100.0 * 365.0 * 86_400.0;
/// Epochs above are in milliseconds: in seconds it would be the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;
const SHAPE: &str = "give {\"access_token\": .., \"refresh_token\": .., \"expires_in\": seconds}";

/// Reads what a token endpoint answered, by the usual names or the dialect's; of JWTs their end, where the dialect
/// goes by that.
pub(crate) fn parse(bytes: &[u8], dialect: &Dialect, now: Wall) -> Done<Credential> {
    let mut fields = object(bytes)?;
    let credential = read(&fields);
    fields.values_mut().for_each(wipe);
    let mut credential = credential?;
    let headers = HeaderMap::new();
    let answer =
        Answer { status: StatusCode::OK, headers: &headers, body: bytes, sent_at: now, received_at: now };
    match dialect.outcome(&answer) {
        Outcome::Granted(grant) => complete(&mut credential, *grant),
        Outcome::GrantedWithoutAccess { refresh_token } => {
            credential.refresh_token.get_or_insert(refresh_token);
        }
        _ => {}
    }
    credential.check()?;
    Ok(credential)
}

/// What the dialect knows by names of its own.
fn complete(credential: &mut Credential, grant: TokenResponse) {
    credential.expiry = credential.expiry.or(grant.lifetime.map(Expiry::In));
    credential.access_token.get_or_insert(grant.access_token);
    credential.refresh_token = credential.refresh_token.take().or(grant.refresh_token);
    credential.scope = credential.scope.take().or(grant.scope);
    credential.refresh_token_expiry = grant.refresh_token_lifetime.map(Expiry::In);
    credential.token_type = credential.token_type.take().or(grant.token_type);
    credential.extra = grant.extra;
}

fn read(fields: &Map<String, Value>) -> Done<Credential> {
    Ok(Credential {
        access_token: text(fields, ["access_token", "accessToken"])?.map(Secret::new),
        refresh_token: text(fields, ["refresh_token", "refreshToken"])?.map(Secret::new),
        expiry: expiry(fields)?,
        scope: scope(fields)?,
        token_type: text(fields, ["token_type", "tokenType"])?.map(ToOwned::to_owned),
        ..Credential::default()
    })
}

fn object(bytes: &[u8]) -> Done<Map<String, Value>> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("standard input", "it is not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(wrong("standard input", &format!("it is empty; {SHAPE}")));
    }
    // The parser's own words may quote a token.
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        wrong("standard input", &format!("it is not a JSON object, at {place}; {SHAPE}"))
    })
}

/// One of two spellings; null is as good as none.
fn field<'a>(
    fields: &'a Map<String, Value>,
    names: [&'static str; 2],
) -> Done<Option<(&'static str, &'a Value)>> {
    let given = |name| fields.get(name).filter(|value| !value.is_null()).map(|value| (name, value));
    match (given(names[0]), given(names[1])) {
        (Some(_), Some(_)) if names[0] != names[1] => {
            Err(wrong(names[0], &format!("{} is given as well: keep one of them", names[1])))
        }
        (first, second) => Ok(first.or(second)),
    }
}

fn text<'a>(fields: &'a Map<String, Value>, names: [&'static str; 2]) -> Done<Option<&'a str>> {
    let Some((name, value)) = field(fields, names)? else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| wrong(name, "it must be a string"))?;
    if text.contains(char::is_control) {
        return Err(wrong(name, "it contains a line break or another control character"));
    }
    Ok(Some(text))
}

/// A text, or a list of names.
fn scope(fields: &Map<String, Value>) -> Done<Option<String>> {
    let Some((_, Value::Array(names))) = field(fields, ["scope", "scope"])? else {
        return Ok(text(fields, ["scope", "scope"])?.map(ToOwned::to_owned));
    };
    let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
    let names = names.filter(|names| !names.iter().any(|name| name.contains(char::is_control)));
    names.map(|names| Some(names.join(" "))).ok_or_else(|| wrong("scope", "a list must hold only strings"))
}

fn expiry(fields: &Map<String, Value>) -> Done<Option<Expiry>> {
    let within = field(fields, ["expires_in", "expiresIn"])?;
    let at = field(fields, ["expires_at", "expiresAt"])?;
    match (within, at) {
        (Some((name, _)), Some((other, _))) => {
            Err(wrong(name, &format!("{other} is given as well: keep one of them")))
        }
        (Some((name, value)), None) => lifetime(name, value).map(Some),
        (None, Some((name, value))) => epoch(name, value).map(Some),
        (None, None) => Ok(None),
    }
}

fn lifetime(name: &str, value: &Value) -> Done<Expiry> {
    let what = "it must be a number of seconds above 0; leave it out if the lifetime is unknown";
    let seconds = number(value).filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST_SECONDS);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero()).map(Expiry::In).ok_or_else(|| wrong(name, what))
}

fn epoch(name: &str, value: &Value) -> Done<Expiry> {
    let what = "it must be seconds or milliseconds since 1970, or a date with its zone such as 2026-11-28T10:00:00Z; \
         leave it out if the expiry is unknown";
    if let Some(at) = value.as_str().and_then(iso_8601::read).filter(|at| at.0 > 0) {
        return Ok(Expiry::At(at));
    }
    let number = number(value).filter(|number| *number > 0.0 && *number < MILLISECONDS_FROM * 1000.0);
    let number = number.ok_or_else(|| wrong(name, what))?;
    let ms = if number < MILLISECONDS_FROM { number * 1000.0 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "it is below 1e14")]
    Ok(Expiry::At(Wall(ms as i64)))
}

/// Some servers write their numbers as texts.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn wrong(field: &str, what: &str) -> Stop {
    Stop::config(format!("{field}: {what}"))
}

fn wipe(value: &mut Value) {
    if let Value::String(text) = value {
        text.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Done<Credential> {
        super::parse(bytes, &Dialect::preset("json").unwrap(), Wall(1_000))
    }

    #[test]
    fn the_names_and_the_end_that_the_dialect_goes_by_are_read() {
        let toml = "[answer]\naccess_token = [\"access\"]\nrefresh_token = [\"refresh\"]\njwt_exp = true\n";
        let dialect = Dialect::from_toml(toml, "acme.toml").unwrap();
        // {"exp":1900000000}
        let json = br#"{"access": "e30.eyJleHAiOjE5MDAwMDAwMDB9.x", "refresh": "r"}"#;
        let credential = super::parse(json, &dialect, Wall(1_899_999_100_000)).unwrap();
        assert_eq!(credential.refresh_token, Some("r".into()));
        assert_eq!(credential.access_token, Some("e30.eyJleHAiOjE5MDAwMDAwMDB9.x".into()));
        assert_eq!(credential.expiry, Some(Expiry::In(Duration::from_secs(900))));
    }

    fn message(json: &str) -> String {
        match parse(json.as_bytes()) {
            Err(Stop::Problem(problem)) => {
                serde_json::to_value(&problem).unwrap()["message"].as_str().unwrap().to_owned()
            }
            other => panic!("{json} is taken: {other:?}"),
        }
    }

    #[test]
    fn both_spellings_are_taken() {
        let expected = Credential {
            access_token: Some("a".into()),
            refresh_token: Some("r".into()),
            expiry: Some(Expiry::In(Duration::from_secs(900))),
            ..Credential::default()
        };
        for json in [
            r#"{"access_token":"a","refresh_token":"r","expires_in":900,"id_token":"x"}"#,
            r#"{"accessToken":"a","refreshToken":"r","expiresIn":900.0,"expires_at":null}"#,
        ] {
            assert_eq!(parse(json.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn an_epoch_may_be_in_seconds_or_milliseconds_and_past() {
        for json in [
            r#"{"access_token":"a","expires_at":1700000000}"#,
            r#"{"access_token":"a","expiresAt":1700000000000}"#,
        ] {
            assert_eq!(parse(json.as_bytes()).unwrap().expiry, Some(Expiry::At(Wall(1_700_000_000_000))));
        }
    }

    #[test]
    fn times_and_scopes_are_taken_as_servers_write_them() {
        let json = br#"{"access_token":"a","refresh_token":"r","expires_in":"3600","scope":["read","write"],
            "refresh_expires_in":7200}"#;
        let credential = parse(json).unwrap();
        assert_eq!(credential.expiry, Some(Expiry::In(Duration::from_secs(3600))));
        assert_eq!(credential.refresh_token_expiry, Some(Expiry::In(Duration::from_secs(7200))));
        assert_eq!(credential.scope.as_deref(), Some("read write"));
        let dated = br#"{"access_token":"a","expires_at":"2023-11-15T00:13:20+02:00"}"#;
        assert_eq!(parse(dated).unwrap().expiry, Some(Expiry::At(Wall(1_700_000_000_000))));
    }

    #[test]
    fn an_absurd_lifetime_is_an_error_that_names_its_field() {
        for value in ["0", "-1", "1e300", "\"soon\"", "true", "1e-30", "[]", "\"2026-11-28T10:00:00\""] {
            let json = format!(r#"{{"access_token":"a","expires_in":{value}}}"#);
            assert!(message(&json).starts_with("expires_in: "), "{json}");
            let json = format!(r#"{{"access_token":"a","expires_at":{value}}}"#);
            if value != "1e-30" {
                assert!(message(&json).starts_with("expires_at: "), "{json}");
            }
        }
    }

    #[test]
    fn a_mistake_never_repeats_a_token() {
        for json in [
            r#"{"access_token":"sentinel-1"#,
            r#"{"access_token":"sentinel-1\n2"}"#,
            r#"["sentinel-1"]"#,
            r#"{"access_token":{"sentinel-1":1}}"#,
            r#"{"access_token":"sentinel-1","accessToken":"sentinel-1"}"#,
            r#"{"accessToken":"sentinel-1","expiresIn":1,"expiresAt":1}"#,
            r#"{"refresh_token":" ","access_token":"sentinel-1"}"#,
            "sentinel-1",
            "{}",
            "",
        ] {
            assert!(!message(json).contains("sentinel"), "{json}");
        }
    }
}
