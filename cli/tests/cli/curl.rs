//! `rekindle request` takes what curl takes.

use rekindle_test_server::Logged;

use crate::world::World;

fn sent(world: &World, args: &[&str], input: &str) -> Logged {
    let ran = world.fed(&[&["request"], args].concat(), input);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    world.server.log().pop().unwrap()
}

fn header<'a>(logged: &'a Logged, name: &str) -> Option<&'a str> {
    let found = logged.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn world() -> World {
    let world = World::new();
    world.sign_in();
    world
}

#[test]
fn data_makes_a_post_of_a_form() {
    let world = world();
    let logged = sent(&world, &["-d", "a=1", "-d", "b=-2", "/data"], "");
    assert_eq!((logged.method.as_str(), logged.body.as_str()), ("POST", "a=1&b=-2"));
    assert_eq!(header(&logged, "content-type"), Some("application/x-www-form-urlencoded"));
}

#[test]
fn method_and_headers_are_the_callers() {
    let world = world();
    let args =
        ["-X", "PUT", "-H", "content-type: application/json", "-H", "X-Time: 10:30", "-d", "{}", "/data?x=1"];
    let logged = sent(&world, &args, "");
    assert_eq!((logged.method.as_str(), logged.target.as_str()), ("PUT", "/data?x=1"));
    assert_eq!(header(&logged, "content-type"), Some("application/json"));
    assert_eq!(header(&logged, "x-time"), Some("10:30"));
}

#[test]
fn an_empty_header_leaves_the_default_out() {
    let world = world();
    let logged = sent(&world, &["-H", "Content-Type:", "-d", "x", "/data"], "");
    assert_eq!(header(&logged, "content-type"), None);
}

#[test]
fn data_comes_from_a_file_or_standard_input_too() {
    let world = world();
    std::fs::write(world.path("body"), "one\ntwo\n").unwrap();
    assert_eq!(sent(&world, &["-d", "@body", "/data"], "").body, "onetwo");
    assert_eq!(sent(&world, &["--data-binary", "@body", "/data"], "").body, "one\ntwo\n");
    assert_eq!(sent(&world, &["-d", "@-", "/data"], "from stdin\n").body, "from stdin");
}

#[test]
fn the_body_goes_to_a_file() {
    let world = world();
    let ran = world.run(&["request", "-o", "answer", "/data"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    assert!(std::fs::read_to_string(world.path("answer")).unwrap().contains(r#""ok":true"#));
}

#[test]
fn the_head_is_written_before_the_body() {
    let ran = world().run(&["request", "-i", "/data"]);
    assert!(ran.out.starts_with("HTTP/1.1 200 OK\r\n"), "{}", ran.out);
    let (head, body) = ran.out.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/json") && body.starts_with('{'), "{}", ran.out);
}

#[test]
fn completions_know_the_commands() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.run(&["completions", shell]).out.contains("sign-out"), "{shell}");
    }
}
