//! A mistake in a profile or a dialect names file, line and field, and is a 2.

use crate::world::World;

#[track_caller]
fn assert_names(world: &World, args: &[&str], parts: &[&str]) {
    let ran = world.run(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    for part in parts {
        assert!(ran.err.contains(part), "{part} is not in: {}", ran.err);
    }
}

#[test]
fn an_unknown_key_is_named_with_file_and_line() {
    let world = World::new();
    world.configure("[profile.school]\ndialect = \"json\"\nbase_uri = \"https://a.test\"\n");
    assert_names(&world, &["token"], &["rekindle.toml, line 3", "`profile.school.base_uri`", "base_url"]);
}

#[test]
fn a_missing_token_url_is_named() {
    let world = World::new();
    world.configure("\n[profile.school]\ndialect = \"json\"\n");
    assert_names(&world, &["status"], &["rekindle.toml, line 2", "`profile.school.token_url`"]);
}

#[test]
fn a_url_that_tokens_must_not_go_to_is_named_by_its_own_field() {
    let world = World::new();
    let profile = "[profile.school]\ndialect = \"json\"\ntoken_url = \"https://a.test/t\"\n";
    for (line, field) in [
        ("base_url = \"http://a.test\"", "base_url"),
        ("base_url = \"https://user:sentinel-@a.test\"", "base_url"),
        ("base_url = \"a.test\"", "base_url"),
        ("base_url = \"https://a.test/@me\"\norigins = [\"http://b.test\"]", "origins"),
        ("origins = [\"nonsense\"]", "origins"),
        ("insecure_origins = [\"x:\"]", "insecure_origins"),
        ("rotation = \"often\"", "rotation"),
    ] {
        world.configure(&format!("{profile}{line}\n"));
        let place = 4 + line.matches('\n').count();
        assert_names(&world, &["status"], &[&format!("line {place}, field `profile.school.{field}`")]);
        assert!(!world.run(&["status"]).err.contains("sentinel-"), "{line}");
    }
    world.configure("[profile.school]\ndialect = \"auth0\"\n");
    assert_names(&world, &["status"], &["line 1, field `profile.school.variables`", "domain"]);
}

// spec 5.5, 9.4
#[test]
fn a_key_is_read_from_beside_the_profile_and_its_mistake_named() {
    let world = World::new();
    let profile = "[profile.school]\ndialect = \"json\"\ntoken_url = \"https://a.test/t\"\n";
    let (_, pem) = rekindle::SigningKey::generate().unwrap();
    std::fs::write(world.path("key.pem"), pem.expose()).unwrap();
    std::fs::write(world.path("none.pem"), "sentinel-").unwrap();
    for field in ["client_key", "dpop_key"] {
        world.configure(&format!("{profile}{field} = \"key.pem\"\n"));
        assert!(world.run(&["status"]).out.contains("school"));
        world.configure(&format!("{profile}{field} = \"none.pem\"\n"));
        let place = format!("line 4, field `profile.school.{field}`");
        assert_names(&world, &["status"], &[&place, "none.pem", "PKCS #8"]);
        assert!(!world.run(&["status"]).err.contains("sentinel-"));
    }
}

#[test]
fn a_dialect_file_beside_the_profile_is_read_and_its_mistake_named() {
    let world = World::new();
    world.configure("[profile.school]\ndialect = \"acme.toml\"\ntoken_url = \"https://a.test/t\"\n");
    assert_names(&world, &["status"], &["line 2", "`profile.school.dialect`", "acme.toml cannot be read"]);
    world.write("acme.toml", "rotation = \"strict\"\n[token_endpoint]\nmethod = \"GET\"\n");
    assert_names(&world, &["status"], &["line 2", "acme.toml is not trusted", "rekindle trust"]);
    assert_eq!(world.run(&["trust"]).code, 0);
    assert_names(&world, &["status"], &["acme.toml, line 3", "`token_endpoint.method`"]);
    world.write("acme.toml", "rotation = \"strict\"\n");
    assert_eq!(world.run(&["trust"]).code, 0);
    assert!(world.run(&["status"]).out.contains("acme, rotation strict"));
}

#[test]
fn a_profile_must_be_named_where_there_are_several() {
    let world = World::new();
    let one =
        |name: &str| format!("[profile.{name}]\ndialect = \"json\"\ntoken_url = \"https://a.test/t\"\n");
    world.configure(&(one("a") + &one("b")));
    assert_names(&world, &["status"], &["rekindle.toml", "--profile", "a, b"]);
    assert!(world.run(&["status", "--profile", "b"]).out.contains("b.credential.json"));
    let from_environment = world.command(&["status"]).env("REKINDLE_PROFILE", "a").output().unwrap();
    assert!(String::from_utf8_lossy(&from_environment.stdout).contains("a.credential.json"));
}

#[test]
fn the_file_is_the_one_named_or_the_users() {
    let world = World::new();
    let users = world.path("config/rekindle");
    std::fs::create_dir_all(&users).unwrap();
    std::fs::rename(world.path("rekindle.toml"), users.join("config.toml")).unwrap();
    assert_names(&world, &["status"], &["there is no profile file", "REKINDLE_CONFIG"]);
    let status = |name: &str, value: &std::path::Path| {
        let output = world.command(&["status"]).env(name, value).output().unwrap();
        assert!(output.status.success(), "{name}");
    };
    status("XDG_CONFIG_HOME", &world.path("config"));
    status("REKINDLE_CONFIG", &users.join("config.toml"));
    assert_eq!(world.run(&["status", "--config", "config/rekindle/config.toml"]).code, 0);
}

#[test]
fn a_secret_comes_from_the_environment_and_a_missing_one_is_named() {
    let world = World::speaking(rekindle_test_server::SeedDialect::OAuth, |builder| builder);
    let text = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    world.configure(
        &text
            .replace("client_secret = \"sentinel-client-secret\"", "client_secret_env = \"REKINDLE_SCHOOL\""),
    );
    assert_names(
        &world,
        &["token"],
        &["rekindle.toml, line 6", "`profile.school.client_secret_env`", "REKINDLE_SCHOOL"],
    );
    let tokens = world.server.sign_in();
    let text = serde_json::to_string(&tokens).unwrap();
    std::fs::write(world.path("tokens.json"), text).unwrap();
    let run = |args: &[&str]| {
        let input = std::fs::File::open(world.path("tokens.json")).unwrap();
        world.command(args).env("REKINDLE_SCHOOL", "sentinel-client-secret").stdin(input).output().unwrap()
    };
    assert!(run(&["import"]).status.success());
    world.server.expire_all_access_tokens();
    assert!(run(&["request", "--fail", "/data"]).status.success());
}

#[test]
fn an_absurd_lifetime_is_named_and_changes_nothing() {
    let world = World::new();
    world.sign_in();
    let before = world.run(&["token"]).out;
    for value in ["0", "-5", "1e300", "\"soon\"", "\"-5\"", "true"] {
        let ran =
            world.fed(&["import"], &format!(r#"{{"access_token": "sentinel-x", "expires_in": {value}}}"#));
        assert_eq!(ran.code, 2, "{value}");
        assert!(ran.err.contains("expires_in: "), "{value}: {}", ran.err);
    }
    for nonsense in ["", "{", "[]", "\"sentinel-x\"", "{}", r#"{"access_token": "sentinel-\n"}"#] {
        let ran = world.fed(&["import"], nonsense);
        assert_eq!(ran.code, 2, "{nonsense}");
        assert!(!ran.err.contains("sentinel-"), "{nonsense}: {}", ran.err);
    }
    assert_eq!(world.run(&["token"]).out, before);
}

#[test]
fn a_store_of_another_client_is_refused() {
    let world = World::new();
    world.sign_in();
    let text = std::fs::read_to_string(world.path("rekindle.toml")).unwrap();
    world.configure(&text.replace("client_id = \"app\"", "client_id = \"other\""));
    let ran = world.run(&["token"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("InvalidConfig"), "{}", ran.err);
}

// spec 11.7
#[test]
fn how_requests_travel_is_read_from_the_profile_and_its_mistakes_named() {
    let world = World::new();
    let profile = "[profile.school]\ndialect = \"json\"\ntoken_url = \"https://a.test/t\"\n";
    world.write("none.pem", "sentinel-");
    for (line, field, what) in [
        ("root_certificates = \"none.pem\"", "root_certificates", "PEM"),
        ("root_certificates = \"missing.pem\"", "root_certificates", "missing.pem cannot be read"),
        ("client_certificate = \"none.pem\"", "client_certificate", "PEM"),
        ("client_certificate_key = \"none.pem\"", "client_certificate_key", "client_certificate"),
        ("proxy = \"somewhere\"", "proxy", "URL"),
        ("user_agent = \"a\\u0001b\"", "user_agent", "header"),
        ("connect_timeout_seconds = 0", "connect_timeout_seconds", "above 0"),
    ] {
        world.configure(&format!("{profile}{line}\n"));
        assert_names(&world, &["status"], &[&format!("line 4, field `profile.school.{field}`"), what]);
        assert!(!world.run(&["status"]).err.contains("sentinel-"), "{line}");
    }
    world.configure(&format!("{profile}proxy = \"none\"\nhttp2 = false\nconnect_timeout_seconds = 2.5\n"));
    assert_eq!(world.run(&["status"]).code, 0);
}

// spec 11.7: both the refresh and the request go through it.
#[test]
fn the_profiles_proxy_is_used_for_refreshes_too() {
    let world = World::new();
    let tokens = world.sign_in_expired();
    let proxy =
        rekindle_test_server::TestServer::start(
            rekindle_test_server::Script::new()
                .step(rekindle_test_server::Step::default().body_contains(&tokens.refresh_token).json(
                    200,
                    serde_json::json!({"access_token": "sentinel-2", "refresh_token": "sentinel-3"}),
                ))
                .step(rekindle_test_server::Step::default().text(200, "from the proxy")),
        )
        .unwrap();
    let (url, far) = (proxy.base_url(), "http://api.test");
    world.configure(&format!(
        "[profile.school]\ndialect = \"json\"\nbase_url = \"{far}\"\ntoken_url = \"{far}/refresh\"\n\
         insecure_origins = [\"{far}\"]\nstore = \"other.json\"\nproxy = \"{url}\"\n"
    ));
    let given = serde_json::json!({"access_token": "sentinel-1", "refresh_token": tokens.refresh_token, "expires_at": 1});
    assert_eq!(world.fed(&["import"], &given.to_string()).code, 0);
    let ran = world.run(&["request", "/data"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "from the proxy"), "{}", ran.err);
}
