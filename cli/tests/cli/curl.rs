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

#[test]
fn data_goes_into_the_query_of_a_get() {
    let world = world();
    let args =
        ["-G", "-d", "a=1", "--data-urlencode", "q=one two&\u{e4}", "--data-urlencode", "x y", "/data?z=0"];
    let logged = sent(&world, &args, "");
    assert_eq!((logged.method.as_str(), logged.body.as_str()), ("GET", ""));
    assert_eq!(logged.target, "/data?z=0&a=1&q=one%20two%26%C3%A4&x%20y");
    std::fs::write(world.path("body"), "a b").unwrap();
    let logged = sent(&world, &["--data-urlencode", "name@body", "--data-raw", "@is=it", "/data"], "");
    assert_eq!((logged.method.as_str(), logged.body.as_str()), ("POST", "@is=it&name=a%20b"));
}

#[test]
fn a_form_has_parts_and_a_file_is_put() {
    let world = world();
    std::fs::write(world.path("note.txt"), "hello").unwrap();
    let args = [
        "-F",
        "title=one",
        "-F",
        "file=@note.txt;type=text/markdown;filename=n.md",
        "-F",
        "t=<note.txt",
        "/data",
    ];
    let logged = sent(&world, &args, "");
    assert_eq!(logged.method, "POST");
    assert!(header(&logged, "content-type").unwrap().starts_with("multipart/form-data; boundary="));
    for part in ["name=\"title\"", "filename=\"n.md\"", "text/markdown", "name=\"t\"", "hello"] {
        assert!(logged.body.contains(part), "{part} is not in {}", logged.body);
    }
    let logged = sent(&world, &["-T", "note.txt", "/data/"], "");
    let told = (logged.method.as_str(), logged.target.as_str(), logged.body.as_str());
    assert_eq!(told, ("PUT", "/data/note.txt", "hello"));
}

#[test]
fn the_usual_switches_are_taken() {
    let world = world();
    let ran = world.run(&["request", "-sSL", "--compressed", "-m", "30", "/data"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.run(&["request", "-O", "/data?x=1"]).code, 0);
    assert!(std::fs::read_to_string(world.path("data")).unwrap().contains(r#""ok":true"#));
    let ran = world.run(&["request", "-I", "/data"]);
    assert!(ran.out.starts_with("HTTP/1.1 "), "{}", ran.out);
    let ran = world.run(&["request", "--fail-with-body", "/admin"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, r#"{"error":"insufficient_scope"}"#));
    for args in
        [&["-O", "/"][..], &["-m", "0", "/data"], &["-F", "nothing", "/data"], &["-F", "a=@missing", "/data"]]
    {
        assert_eq!(world.run(&[&["request"], args].concat()).code, 2, "{args:?}");
    }
}
