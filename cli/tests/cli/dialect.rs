//! `rekindle dialect`: a dialect file, and what it makes of samples.

use super::world::World;

const DIALECT: &str = r#"
extends = "json"
[answer]
access_token = "tokens[?type=access].value"
expires_at = "ends"
[[api.rules]]
status = 302
location = true
equals = "/login"
verdict = "expired"
applied = "no"
"#;

const SAMPLES: &str = r#"
token_url = "https://auth.example.com/token"

[[api]]
name = "the login page"
status = 302
headers = { Location = "/login?next=%2Fdata" }
expect = { verdict = "expired", applied = "no" }

[[api]]
status = 200
expect = "accepted"

[[token]]
status = 200
headers = { Date = "Tue, 01 Jan 2030 00:00:00 GMT" }
json = { tokens = [{ type = "access", value = "sentinel-AT" }], refreshToken = "sentinel-RT", ends = "2030-01-01T00:15:00Z" }
expect = { outcome = "granted", access_token = "sentinel-AT", refresh_token = "sentinel-RT", lifetime_seconds = 900 }

[[token]]
status = 401
body = '{"error":"token_expired"}'
expect = { outcome = "dead", reason = "expired" }

[[refresh]]
refresh_token = "sentinel-RT"
expect = { method = "POST", url = "https://auth.example.com/token", headers = { Content-Type = "application/json" }, json = { refreshToken = "sentinel-RT" } }
"#;

fn world(dialect: &str, samples: &str) -> World {
    let world = World::new();
    world.write("acme.toml", dialect);
    world.write("acme.samples.toml", samples);
    world
}

#[test]
fn a_dialect_that_judges_its_samples_as_expected_is_fine_and_shows_no_token() {
    let world = world(DIALECT, SAMPLES);
    let ran = world.run(&["dialect", "check", "acme.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("ok    api[0] the login page (line 4): expired"), "{}", ran.out);
    assert!(
        ran.out.contains("ok    token[0] (line 14): granted") && ran.out.contains("refresh[0]"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("sentinel"), "{}", ran.out);
    let ran = world.run(&["dialect", "check", "acme.toml", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((told["dialect"].as_str(), told["samples"].as_array().unwrap().len()), (Some("acme"), 5));
    assert!(!ran.out.contains("sentinel"), "{}", ran.out);
}

#[test]
fn a_sample_that_is_judged_otherwise_is_named_with_its_line_and_ends_with_1() {
    let samples = SAMPLES.replace("expect = \"accepted\"", "expect = \"expired\"");
    let world = world(DIALECT, &samples);
    let ran = world.run(&["dialect", "check", "acme.toml"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("WRONG api[1] (line 10): accepted; expected expired"), "{}", ran.out);
    assert!(ran.err.contains("1 of 5 samples"), "{}", ran.err);
    world.write("other.toml", &samples);
    let ran = world.run(&["dialect", "check", "acme.toml", "--samples", "other.toml"]);
    assert_eq!(ran.code, 1);
}

#[test]
fn what_cannot_be_read_is_named_with_its_place_and_ends_with_2() {
    for (dialect, samples, told) in [
        ("rotation = 3\n", SAMPLES, "acme.toml, line 1, field `rotation`"),
        (DIALECT, "[[api]]\nstatus = 200\n", "acme.samples.toml, line 1, field `api[0]"),
        (
            DIALECT,
            "[[api]]\nstatus = 2\nexpect = \"accepted\"\n",
            "line 1, `api[0]`: `status`: 2 is no status",
        ),
        (DIALECT, "[[refresh]]\nrefresh_token = \"r\"\nexpect = {}\n", "has no token URL"),
    ] {
        let ran = world(dialect, samples).run(&["dialect", "check", "acme.toml"]);
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    assert_eq!(World::new().run(&["dialect", "check", "nowhere.toml"]).code, 2);
}

#[test]
fn the_fields_are_listed_with_defaults_and_examples() {
    let ran = World::new().run(&["dialect", "fields"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("| `scheme` | `\"Bearer\"` |"), "{}", ran.out);
}

// spec 9.3
#[test]
fn a_token_in_a_query_parameter_is_refused_with_the_alternatives() {
    let world = world("[token]\nquery = \"access_token\"\n", "");
    let ran = world.run(&["dialect", "check", "acme.toml"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("acme.toml, line 2, field `token.query`"), "{}", ran.err);
    assert!(ran.err.contains("set `header`") && ran.err.contains("`cookie`"), "{}", ran.err);
}
