//! What else a curl user types with `rekindle request`.

use rekindle_test_server::{Logged, Script, Step};
use serde_json::json;

use crate::world::{SENTINEL, World};

fn world() -> World {
    let world = World::new();
    world.sign_in();
    world
}

fn last(world: &World) -> Logged {
    world.server.log().pop().unwrap()
}

fn header<'a>(logged: &'a Logged, name: &str) -> Vec<&'a str> {
    let found = logged.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str()).collect()
}

/// A certificate of nobody's, and its key.
const PEM: &str = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n";

#[test]
fn json_is_sent_as_curl_sends_it() {
    let world = world();
    let ran = world.run(&["request", "--json", r#"{"a":"#, "--json", " 1}", "/data"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let sent = last(&world);
    assert_eq!((sent.method.as_str(), sent.body.as_str()), ("POST", r#"{"a": 1}"#));
    assert_eq!(header(&sent, "content-type"), ["application/json"]);
    assert_eq!(header(&sent, "accept"), ["application/json"]);
    std::fs::write(world.path("body.json"), "{\n}").unwrap();
    let own = ["-X", "PUT", "-H", "Accept: text/csv", "-H", "Content-Type: application/x+json"];
    let ran = world.run(&[&["request", "--json=@body.json"], &own[..], &["/data"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let sent = last(&world);
    assert_eq!((sent.method.as_str(), sent.body.as_str()), ("PUT", "{\n}"));
    assert_eq!(header(&sent, "content-type"), ["application/x+json"]);
    assert_eq!(header(&sent, "accept"), ["text/csv"]);
}

#[test]
fn json_before_the_command_asks_for_errors_as_json() {
    let world = World::new();
    assert_eq!(world.run(&["--json", "request", "--json", "{}", "/data"]).error()["kind"], "LoginRequired");
    let plain = world.run(&["request", "--json", "{}"]);
    assert_eq!(plain.code, 2);
    assert!(plain.err.starts_with("error:"), "{}", plain.err);
}

#[test]
fn a_user_goes_in_the_place_of_the_token() {
    let world = world();
    world.run(&["request", "-u", "me:pass", "/data"]);
    assert_eq!(last(&world).authorization.as_deref(), Some("Basic bWU6cGFzcw=="));
    // The password is not seen by others on the machine.
    world.fed(&["request", "-u", "me", "/data"], "pass\n");
    assert_eq!(last(&world).authorization.as_deref(), Some("Basic bWU6cGFzcw=="));
    assert_eq!(world.server.counters().refreshes, 0);
}

#[test]
fn a_script_is_told_what_it_asks_for() {
    let world = world();
    let format = "\\n%{http_code} %{response_code} %{http_version} %{content_type} %{size_download} %{num_redirects} \
                  %{header{x-own}}%{nothing_here";
    assert_eq!(world.run(&["request", "-w", format, "/data"]).code, 2, "a brace is missing");
    let step = Step::on("GET", "/data").json(200, json!({})).header("X-Own", "yes");
    world.server.play(Script::new().step(step));
    let format = format.replace("%{nothing_here", "%%");
    let ran = world.run(&["request", "-w", &format, "/data"]);
    assert_eq!(ran.out, "{}\n200 200 1.1 application/json 2 0 yes%", "{}", ran.err);
    std::fs::write(world.path("format"), "%{url}|%{url_effective}|%{filename_effective}").unwrap();
    let ran = world.run(&["request", "-o", "answer", "-w", "@format", "/data"]);
    assert_eq!(ran.out, format!("/data|{}/data|answer", world.server.base_url()));
    let ran =
        world.run(&["request", "-s", "-o", "answer", "-w", "%{time_total} %{time_starttransfer}", "/data"]);
    let times: Vec<f64> = ran.out.split(' ').map(|time| time.parse().unwrap()).collect();
    assert!(times[0] >= times[1] && times[1] > 0.0, "{}", ran.out);
}

#[test]
fn a_script_is_told_of_failures_too() {
    let world = world();
    let ran = world.run(&["request", "--fail", "-w", "%{http_code}", "/admin"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "403"), "{}", ran.err);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}/");
    let ran = world.run(&["request", "--retry", "0", "-w", "%{http_code} %{errormsg}", &url]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.out.starts_with("000 ") && ran.out.len() > 10, "{}", ran.out);
    let ran = world.run(&["request", "-w", "%{unheard_of}", "/data"]);
    assert!(ran.code == 2 && ran.err.contains("time_total"), "{}", ran.err);
}

#[test]
fn what_a_terminal_obeys_is_not_written_out() {
    let world = world();
    let step = Step::on("GET", "/data").json(200, json!({})).header("X-Own", "a\u{202e}b\tc");
    world.server.play(Script::new().step(step));
    let ran = world.run(&["request", "-w", "\u{1b}[2J%{header{X-Own}}", "/data"]);
    assert!(!ran.out.contains(['\u{1b}', '\u{202e}', '\t']), "{:?}", ran.out);
}

#[test]
fn it_is_sent_again_as_often_as_is_said() {
    for (retries, sends) in [("0", 1), ("4", 5)] {
        let world = world();
        world.server.play(Script::new().step(Step::on("GET", "/data").json(503, json!({})).always()));
        let ran = world.run(&["request", "--fail", "--retry", retries, "/data"]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert_eq!(world.server.log().iter().filter(|sent| sent.target == "/data").count(), sends);
    }
}

#[test]
fn a_proxy_is_asked() {
    let world = world();
    let proxy = World::new();
    let address = proxy.server.base_url();
    let url = "http://api.example.test/data";
    for given in [address.as_str(), address.trim_start_matches("http://")] {
        let ran = world.run(&["request", "-x", given, "--retry", "0", url]);
        assert_eq!(ran.code, 0, "{given}: {}", ran.err);
    }
    assert_eq!(proxy.server.log().len(), 2);
    assert_eq!(last(&proxy).authorization, None, "its host is none of the profile's");
    assert_eq!(world.run(&["request", "-x", "", "/data"]).code, 0);
}

#[test]
fn a_wrong_option_is_named_and_not_the_profiles_field() {
    let world = world();
    std::fs::write(world.path("wrong.pem"), PEM).unwrap();
    for (args, named) in [
        (&["-x", "http://[", "/data"][..], "-x: "),
        (&["--cacert", "missing.pem", "/data"], "--cacert: "),
        (&["--cacert", "wrong.pem", "/data"], "--cacert: "),
        (&["--cert", "missing.pem", "/data"], "--cert: "),
        (&["--cert", "wrong.pem", "--key", "missing.pem", "/data"], "--key: "),
        (&["--cert", "wrong.pem", "--key", "wrong.pem", "/data"], "--cert: "),
        (&["--key", "wrong.pem", "/data"], "--cert"),
    ] {
        let ran = world.run(&[&["request"], args].concat());
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(named) && !ran.err.contains("field `"), "{args:?}: {}", ran.err);
    }
    assert_eq!(world.server.log().len(), 0);
}

#[test]
fn no_option_writes_the_token_out() {
    let world = world();
    let ran = world.run(&["request", "-w", "%{header{authorization}}%{url_effective}", "/data"]);
    assert!(ran.code == 0 && !ran.out.contains(SENTINEL) && !ran.err.contains(SENTINEL), "{}", ran.out);
}

#[test]
fn what_travels_is_told_without_credentials() {
    let world = World::new();
    world.sign_in_expired();
    let args = [
        "request",
        "-v",
        "-H",
        "X-Own: yes",
        "-H",
        "X-Api-Key: hidden-1",
        "-d",
        "x",
        "-X",
        "PUT",
        "/data?code=hidden-2&a=b",
    ];
    let ran = world.run(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told = |line: &str| ran.err.lines().filter(|told| told.eq_ignore_ascii_case(line)).count();
    let url = world.server.base_url();
    // The replay is seen, the refresh in between is the session's.
    assert_eq!(told(&format!("> PUT {url}/data?code=***&a=b")), 2, "{}", ran.err);
    assert_eq!((told("< HTTP/1.1 401 Unauthorized"), told("< HTTP/1.1 200 OK")), (1, 1), "{}", ran.err);
    assert_eq!((told("> x-own: yes"), told("> authorization: ***")), (2, 2), "{}", ran.err);
    assert_eq!(told("> x-api-key: ***"), 2, "{}", ran.err);
    assert!(!ran.err.contains(SENTINEL) && !ran.err.contains("hidden"), "{}", ran.err);
    assert!(ran.out.starts_with('{'), "{}", ran.out);
}

#[test]
fn what_a_server_repeats_is_masked_and_obeyed_by_no_terminal() {
    let world = World::new();
    let token = world.sign_in().access_token;
    let step = Step::on("GET", "/data").json(200, json!({}));
    let step = step.header("X-Echo", &format!("Bearer {token}")).header("X-Red", "a\u{202e}b");
    world.server.play(Script::new().step(step.header("Set-Cookie", "sid=hidden")));
    let ran = world.run(&["request", "--verbose", "/data"]);
    assert!(ran.err.contains("< x-echo: ***") && ran.err.contains("\\u{202e}"), "{}", ran.err);
    assert!(!ran.err.contains(SENTINEL) && !ran.err.contains("hidden"), "{}", ran.err);
}

fn download(world: &World, there: &str, steps: impl IntoIterator<Item = Step>) -> crate::world::Ran {
    std::fs::write(world.path("file"), there).unwrap();
    world.server.play(steps.into_iter().fold(Script::new(), Script::step));
    world.run(&["request", "-C", "-", "-o", "file", "/data"])
}

fn file(world: &World) -> String {
    std::fs::read_to_string(world.path("file")).unwrap()
}

#[test]
fn a_download_goes_on_where_the_file_ends() {
    let world = world();
    let rest = Step::on("GET", "/data").text(206, "cdef").header("Content-Range", "bytes 2-5/6");
    let ran = download(&world, "ab", [rest]);
    assert_eq!((ran.code, file(&world).as_str()), (0, "abcdef"), "{}", ran.err);
    assert_eq!(header(&last(&world), "range"), ["bytes=2-"]);
    // It is whole now.
    let whole = Step::on("GET", "/data").text(416, "").header("Content-Range", "bytes */6");
    assert_eq!(download(&world, "abcdef", [whole]).code, 0);
    assert_eq!(file(&world), "abcdef");
    // Nothing is there yet, or the server knows no parts.
    for there in ["", "ab"] {
        let ran = download(&world, there, [Step::on("GET", "/data").text(200, "abcdef")]);
        assert_eq!((ran.code, file(&world).as_str()), (0, "abcdef"), "{}", ran.err);
    }
}

#[test]
fn what_does_not_continue_a_file_is_not_added_to_it() {
    let world = world();
    for (status, range) in
        [(206, "bytes 0-5/6"), (206, ""), (416, "bytes */1"), (416, ""), (404, ""), (204, "")]
    {
        let step = Step::on("GET", "/data").text(status, if status == 204 { "" } else { "other" });
        let step = if range.is_empty() { step } else { step.header("Content-Range", range) };
        let ran = download(&world, "ab", [step]);
        assert_eq!((ran.code, file(&world).as_str()), (1, "ab"), "{status} {range}: {}", ran.err);
    }
    for args in [
        &["-C", "-", "/data"][..],
        &["-C", "5", "-o", "file", "/data"],
        &["-C", "-", "-d", "x", "-o", "file", "/data"],
    ] {
        assert_eq!(world.run(&[&["request"], args].concat()).code, 2, "{args:?}");
    }
}

#[test]
fn a_download_goes_on_with_a_new_token() {
    let world = World::new();
    world.sign_in_expired();
    std::fs::write(world.path("file"), "").unwrap();
    let ran = world.run(&["request", "-C", "-", "-o", "file", "/data"]);
    assert_eq!((ran.code, world.server.counters().refreshes), (0, 1), "{}", ran.err);
    assert!(file(&world).contains(r#""ok":true"#));
}
