//! `rekindle curl`: the curl that is there, with a token that is alive.

use std::process::Command;

use rekindle_test_server::{Logged, Script, SeedDialect, Step};
use serde_json::json;

use crate::world::{Ran, SENTINEL, World};

/// None where there is no curl.
fn world() -> Option<World> {
    Command::new("curl").arg("--version").output().ok()?;
    Some(World::new())
}

/// curl is looked for where the tests find it.
fn curl(world: &World, args: &[&str]) -> Ran {
    let mut command = world.command(&[&["curl", "--"], args].concat());
    command.env("PATH", std::env::var_os("PATH").unwrap()).stdin(std::process::Stdio::null());
    Ran::of(command.spawn().unwrap())
}

fn last(world: &World) -> Logged {
    world.server.log().pop().unwrap()
}

#[test]
fn a_token_that_is_over_costs_one_refresh_and_one_more_curl() {
    let Some(world) = world() else { return };
    world.sign_in_expired();
    let ran = curl(&world, &["-sS", "/data"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with('{') && ran.out.contains(r#""ok":true"#), "the answer alone: {}", ran.out);
    let counters = world.server.counters();
    assert_eq!((counters.refreshes, counters.rejected), (1, 1));
    assert_eq!(curl(&world, &["-sS", &format!("{}/data", world.server.base_url())]).code, 0);
    assert_eq!(world.server.counters().refreshes, 1);
}

#[test]
fn what_curl_sends_is_sent_again_whole() {
    let Some(world) = world() else { return };
    world.sign_in_expired();
    std::fs::write(world.path("body.json"), r#"{"a": 1}"#).unwrap();
    let ran = curl(&world, &["-sS", "-X", "PUT", "-H", "X-Own: yes", "--json", "@body.json", "/data"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let sent = last(&world);
    assert_eq!((sent.method.as_str(), sent.body.as_str()), ("PUT", r#"{"a": 1}"#));
    assert!(sent.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("x-own") && value == "yes"));
    assert_eq!(world.server.counters().refreshes, 1);
}

#[test]
fn the_token_is_in_no_argument_and_in_no_output() {
    let Some(world) = world() else { return };
    world.sign_in();
    // A curl that writes down how it was called, and is the real one.
    let real = Command::new("sh").args(["-c", "command -v curl"]).output().unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let script =
        format!("#!/bin/sh\necho \"$@\" >> {}\nexec {} \"$@\"\n", world.path("argv").display(), real.trim());
    std::fs::write(world.path("curl"), script).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(world.path("curl"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let mut command = world.command(&["curl", "--", "-v", "/data"]);
    let path = format!("{}:{}", world.folder.path().display(), std::env::var("PATH").unwrap());
    let ran = Ran::of(command.env("PATH", path).stdin(std::process::Stdio::null()).spawn().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("uthorization: ***") || !ran.err.contains("uthorization:"), "{}", ran.err);
    assert!(!ran.err.contains(SENTINEL) && !ran.out.contains(SENTINEL), "{}", ran.err);
    let argv = std::fs::read_to_string(world.path("argv")).unwrap();
    assert!(argv.contains("/data") && !argv.contains(SENTINEL), "{argv}");
}

#[test]
fn the_head_is_shown_where_it_is_asked_for() {
    let Some(world) = world() else { return };
    world.sign_in_expired();
    let ran = curl(&world, &["-sSi", "/data"]);
    assert!(ran.out.starts_with("HTTP/1.1 200 OK\r\n"), "{}", ran.out);
    assert!(ran.out.split_once("\r\n\r\n").unwrap().1.starts_with('{'), "{}", ran.out);
    let head = curl(&world, &["-sSI", "/data"]);
    assert!(head.out.starts_with("HTTP/1.1 "), "{} {}", head.out, head.err);
}

#[test]
fn the_exit_code_is_curls() {
    let Some(world) = world() else { return };
    world.sign_in();
    assert_eq!(curl(&world, &["-sS", "-f", "/admin"]).code, 22);
    assert_eq!(curl(&world, &["-sS", "/admin"]).code, 0);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(curl(&world, &["-sS", &format!("http://{nobody}/")]).code, 7);
    world.server.revoke_all();
    let ran = curl(&world, &["-sS", "/data"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
}

#[test]
fn a_file_gets_the_answer_to_the_request_with_the_new_token() {
    let Some(world) = world() else { return };
    world.sign_in_expired();
    assert_eq!(curl(&world, &["-sS", "-o", "answer", "/data"]).code, 0);
    assert!(std::fs::read_to_string(world.path("answer")).unwrap().contains(r#""ok":true"#));
}

#[test]
fn another_host_gets_no_token() {
    let Some(world) = world() else { return };
    world.sign_in();
    let other = World::new();
    let ran = curl(&world, &["-sS", &format!("{}/data", other.server.base_url())]);
    assert!(ran.err.contains("without the token"), "{}", ran.err);
    assert_eq!(last(&other).authorization, None);
    // Nor does one that a redirect leads to.
    world.server.play(
        Script::new().step(
            Step::on("GET", "/data")
                .json(302, json!({}))
                .header("Location", &format!("{}/data", other.server.base_url())),
        ),
    );
    curl(&world, &["-sSL", "/data"]);
    assert_eq!((other.server.log().len(), last(&other).authorization), (2, None));
}

#[test]
fn what_stands_in_the_tokens_way_is_refused() {
    let Some(world) = world() else { return };
    world.sign_in();
    for args in [
        &["-u", "me:pw", "/data"][..],
        &["-K", "file", "/data"],
        &["--location-trusted", "/data"],
        &["--trace", "file", "/data"],
        &["--libcurl", "file", "/data"],
        &["-d", "@-", "/data"],
        &["-T", "-", "/data"],
        &["/data", "/data"],
        &["-sS"],
        &["--frobnicate", "/data"],
        &["ftp://a.test/"],
        &["a.test/data"],
        &["https://user:pw@a.test/"],
        &["/data", "--next", "https://attacker.test/"],
    ] {
        let ran = curl(&world, args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
    }
    assert_eq!(world.server.log().len(), 0);
}

#[test]
fn an_error_in_a_body_of_200_is_judged() {
    if world().is_none() {
        return;
    }
    let world = World::speaking(SeedDialect::GraphQl, |builder| builder);
    world.sign_in_expired();
    let ran = curl(&world, &["-sS", "--json", r#"{"query": "{ students { id } }"}"#, "/"]);
    assert!(ran.out.starts_with('{') && ran.out.contains("students"), "{}{}", ran.out, ran.err);
    assert_eq!(world.server.counters().refreshes, 1);
}
