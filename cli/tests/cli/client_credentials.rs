//! A client that asks on its own behalf (spec 5.18): no import, no refresh token.

use rekindle_test_server::{Script, Step, TestServer};
use serde_json::json;

use crate::world::{SENTINEL, World};

fn service(server: &TestServer, further: &str) -> World {
    let world = World::new();
    world.configure(&format!(
        "[profile.service]\ndialect = \"oauth2\"\nbase_url = \"{url}\"\ntoken_url = \"{url}/token\"\n\
         client_id = \"service\"\nclient_secret = \"{SENTINEL}client-secret\"\n\
         [profile.service.client_credentials]\n{further}",
        url = server.base_url()
    ));
    world
}

fn granting(times: u32) -> TestServer {
    let token = |number| json!({ "access_token": format!("{SENTINEL}at-{number}"), "expires_in": 900 });
    let step = |number| Step::on("POST", "/token").json(200, token(number));
    TestServer::start((1..=times).fold(Script::new(), |script, number| script.step(step(number)))).unwrap()
}

#[test]
fn commands_share_a_token_that_the_first_one_asked_for() {
    let server = granting(2);
    let world = service(
        &server,
        "scope = \"read\"\nresource = [\"https://api.example/\"]\nparameters = { soid = \"7\" }\n",
    );
    assert_eq!(world.run(&["token"]).out.trim(), format!("{SENTINEL}at-1"));
    assert_eq!(world.run(&["token"]).out.trim(), format!("{SENTINEL}at-1"));
    let body = &server.log()[0].body;
    for part in ["grant_type=client_credentials&scope=read&resource=https%3A%2F%2Fapi.example%2F&", "&soid=7"]
    {
        assert!(body.contains(part), "{body}");
    }
    assert_eq!(world.run(&["sign-out"]).code, 0);
    assert_eq!(world.run(&["token"]).code, 3);
    assert_eq!(world.run(&["import"]).code, 0);
    assert_eq!(world.run(&["token"]).out.trim(), format!("{SENTINEL}at-2"));
    server.assert_consumed();
}

#[test]
fn a_mistake_in_it_names_file_line_and_field() {
    let server = granting(0);
    for (further, field) in [
        ("scopes = \"read\"\n", "client_credentials.scopes"),
        ("resource = [\"api\"]\n", "client_credentials"),
    ] {
        let world = service(&server, further);
        let ran = world.run(&["status"]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(&format!("`profile.service.{field}`")), "{}", ran.err);
        assert!(!ran.err.contains(SENTINEL), "{}", ran.err);
    }
}
