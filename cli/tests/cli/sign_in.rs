//! `rekindle sign-in`: from nothing to a credential that is kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};

use rekindle_test_server::{Script, Step};
use serde_json::json;
use url::Url;

use crate::world::{Ran, World};

/// A server with an authorization endpoint, which is never asked: the tests are the browser.
fn world() -> World {
    let world = World::new();
    let url = world.server.base_url();
    world.configure(&format!(
        "[profile.school]\ndialect = \"oauth2\"\nbase_url = \"{url}\"\ntoken_url = \"{url}/oauth/token\"\n\
         authorization_url = \"{url}/authorize\"\nclient_id = \"app\"\nscope = \"read\"\nstore = \"session.json\"\n"
    ));
    let answer = json!({ "access_token": "sentinel-at", "refresh_token": "sentinel-rt", "expires_in": 900 });
    world.server.play(Script::new().step(Step::on("POST", "/oauth/token").json(200, answer)));
    world
}

struct Begun {
    child: Child,
    told: BufReader<ChildStderr>,
    asked: Url,
}

/// Reads the address that the command prints.
fn begin(world: &World, args: &[&str]) -> Begun {
    // A browser that does nothing.
    let mut child = world
        .command(args)
        .env("BROWSER", "true")
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let asked = loop {
        let mut line = String::new();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "no address was printed");
        if let Ok(url) = Url::parse(line.trim())
            && url.path() == "/authorize"
        {
            break url;
        }
    };
    Begun { child, told, asked }
}

impl Begun {
    fn parameter(&self, name: &str) -> String {
        self.asked.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
    }

    fn callback(&self, query: &str) -> Url {
        let callback = format!(
            "{}?{}",
            self.parameter("redirect_uri"),
            query.replace("STATE", &self.parameter("state"))
        );
        callback.parse().unwrap()
    }

    fn finish(mut self) -> Ran {
        let mut err = String::new();
        drop(self.child.stdin.take());
        self.told.read_to_string(&mut err).unwrap();
        Ran { err, ..Ran::of(self.child) }
    }
}

fn visit(url: &Url) -> String {
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET {}?{} HTTP/1.1\r\nHost: {address}\r\n\r\n", url.path(), url.query().unwrap())
        .unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

// spec 12.8
#[test]
fn a_browser_that_comes_back_signs_the_profile_in() {
    let world = world();
    let begun = begin(&world, &["sign-in"]);
    assert_eq!(begun.parameter("scope"), "read");
    assert!(visit(&begun.callback("code=theirs&state=guess")).starts_with("HTTP/1.1 400"));
    assert!(visit(&begun.callback("code=c-1&state=STATE")).contains("You can close this window"));
    let ran = begun.finish();
    assert!(ran.code == 0 && ran.out.contains("signed in: profile school"), "{}{}", ran.out, ran.err);
    assert_eq!(world.run(&["token"]).out.trim(), "sentinel-at");
    world.server.assert_consumed();
}

// spec 12.3
#[test]
fn an_address_that_is_pasted_signs_in_as_well() {
    let world = world();
    let mut begun = begin(&world, &["sign-in", "--no-browser", "--scope", "write"]);
    assert_eq!(begun.parameter("scope"), "write");
    let callback = begun.callback("code=c-1&state=STATE");
    writeln!(begun.child.stdin.as_mut().unwrap(), "{callback}").unwrap();
    let ran = begun.finish();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!format!("{}{}", ran.out, ran.err).contains("sentinel"));
    world.server.assert_consumed();
}

// spec 12.3, 12.4
#[test]
fn a_callback_of_another_sign_in_is_refused() {
    let world = world();
    let mut begun = begin(&world, &["sign-in", "--no-browser"]);
    let callback = begun.callback("code=c-1&state=guess");
    writeln!(begun.child.stdin.as_mut().unwrap(), "{callback}").unwrap();
    let ran = begun.finish();
    assert!(ran.code != 0 && ran.err.contains("state"), "{}{}", ran.out, ran.err);
    assert_eq!(world.run(&["token"]).code, 3);
}

// spec 12.9, 12.10
#[test]
fn from_nothing_a_profile_is_made_by_its_issuer_and_signed_in_with_a_device_code() {
    let world = world();
    std::fs::remove_file(world.path("rekindle.toml")).unwrap();
    let url = world.server.base_url();
    let found = json!({ "issuer": url, "token_endpoint": format!("{url}/oauth/token"),
        "device_authorization_endpoint": format!("{url}/device"), "code_challenge_methods_supported": ["S256"] });
    let device = json!({ "device_code": "sentinel-d", "user_code": "WDJB-MJHT", "interval": 1,
        "verification_uri": "https://a.example/device" });
    let granted = json!({ "access_token": "sentinel-at", "expires_in": 900 });
    world.server.play(
        Script::new()
            .step(Step::on("GET", "/.well-known/oauth-authorization-server").json(200, found))
            .step(Step::on("POST", "/device").json(200, device))
            .step(Step::on("POST", "/oauth/token").json(200, granted)),
    );
    let ran = world.run(&["sign-in", "--issuer", &url, "--client-id", "app", "--device", "--profile", "new"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("WDJB-MJHT") && ran.err.contains("https://a.example/device"), "{}", ran.err);
    assert!(!format!("{}{}", ran.out, ran.err).contains("sentinel"));
    assert_eq!(world.run(&["token", "--profile", "new"]).out.trim(), "sentinel-at");
    // A second one of that name is somebody's mistake.
    let again = world.run(&["sign-in", "--preset", "google", "--client-id", "app", "--profile", "new"]);
    assert!(again.code == 2 && again.err.contains("has a profile new already"), "{}", again.err);
    let nobody = world.run(&["sign-in", "--preset", "gogle", "--client-id", "app"]);
    assert!(nobody.code == 2 && nobody.err.contains("gogle"), "{}", nobody.err);
}

// spec 12.16: an MCP server, of which nothing but its address is known
#[test]
fn from_the_address_of_an_api_alone_a_profile_is_made_registered_and_signed_in() {
    let world = world();
    std::fs::remove_file(world.path("rekindle.toml")).unwrap();
    let url = world.server.base_url();
    let challenge = format!("Bearer resource_metadata=\"{url}/.well-known/oauth-protected-resource/mcp\"");
    let api = json!({ "resource": format!("{url}/mcp"), "authorization_servers": [url], "scopes_supported": ["tools"] });
    let server = json!({ "issuer": url, "token_endpoint": format!("{url}/oauth/token"),
        "registration_endpoint": format!("{url}/register"), "device_authorization_endpoint": format!("{url}/device") });
    let device = json!({ "device_code": "sentinel-d", "user_code": "WDJB-MJHT", "interval": 1,
        "verification_uri": "https://a.example/device" });
    let granted = |number: u32| json!({ "access_token": format!("sentinel-at-{number}"), "refresh_token": "sentinel-rt", "expires_in": 900 });
    world.server.play(
        Script::new()
            .step(Step::on("GET", "/mcp").json(401, json!({})).header("www-authenticate", &challenge))
            .step(Step::on("GET", "/.well-known/oauth-protected-resource/mcp").json(200, api))
            .step(Step::on("GET", "/.well-known/oauth-authorization-server").json(200, server))
            .step(Step::on("POST", "/register").json(201, json!({ "client_id": "registered" })))
            .step(Step::on("POST", "/device").body_contains("%2Fmcp").json(200, device))
            .step(
                Step::on("POST", "/oauth/token").body_contains("client_id=registered").json(200, granted(1)),
            )
            .step(Step::on("POST", "/mcp").token("sentinel-at-1").json(401, json!({})))
            .step(Step::on("POST", "/oauth/token").body_contains("sentinel-rt").json(200, granted(2)))
            .step(Step::on("POST", "/mcp").token("sentinel-at-2").json(200, json!({ "tools": 3 }))),
    );
    let ran = world.run(&["sign-in", "--resource", &format!("{url}/mcp"), "--device", "--profile", "tools"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!format!("{}{}", ran.out, ran.err).contains("sentinel"));
    let called = world.run(&["request", "--profile", "tools", "-X", "POST", "-d", "{}", "/mcp"]);
    assert!(called.code == 0 && called.out.contains("\"tools\""), "{}{}", called.out, called.err);
    world.server.assert_consumed();
}
