//! Every bash example, with the profiles that are shown beside it, on a server that revokes everything when it sees
//! a refresh token twice.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use common::{DATA, expired, kept, said};
use rekindle_idp::{OidcOptions, OidcProvider};
use rekindle_test_server::{AuthServer, SeedDialect, Tokens};
use tempfile::TempDir;

/// The command: what `REKINDLE_BIN` names, else it is built.
fn rekindle() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| std::env::var_os("REKINDLE_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let release = if cfg!(debug_assertions) { None } else { Some("--release") };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "-p", "rekindle-cli"]).args(release);
    assert!(cargo.status().unwrap().success());
    // Of `target/debug/deps/bash-...`, as this test is.
    std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("rekindle")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bash")
}

/// The profiles, pointed at the server; the sessions lie beside them.
struct Home {
    folder: TempDir,
    base_url: String,
}

impl Home {
    fn new(server: &AuthServer) -> Self {
        let base_url = server.base_url();
        let mut profiles = std::fs::read_to_string(folder().join("rekindle.toml")).unwrap();
        for host in ["https://api.example.com", "https://auth.example.com", "https://data.nextschool.io"] {
            assert!(profiles.contains(host));
            profiles = profiles.replace(host, &base_url);
        }
        Self::with(&profiles, base_url)
    }

    /// A profile `here` of an OAuth server.
    fn at(base_url: &str, token_url: &str, client_id: &str) -> Self {
        let fields = [("dialect", "oauth2"), ("base_url", base_url), ("token_url", token_url)];
        let fields = fields.into_iter().chain([("client_id", client_id), ("rotation", "strict-family")]);
        let lines = fields.map(|(name, value)| format!("{name} = \"{value}\"\n")).collect::<String>();
        Self::with(&format!("[profile.here]\n{lines}"), base_url.to_owned())
    }

    fn with(profiles: &str, base_url: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rekindle.toml"), profiles).unwrap();
        Self { folder, base_url }
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let bin = rekindle().parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(program.as_ref());
        command
            .env("PATH", path)
            .env("REKINDLE_CONFIG", self.folder.path().join("rekindle.toml"))
            .env_remove("REKINDLE_PROFILE")
            .env("API_URL", &self.base_url)
            .env("CLIENT_SECRET", "app-secret")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// As after a sign-in some time ago.
    fn import(&self, profile: &str, (access, refresh): &(String, String), more: &str) {
        let json = format!(r#"{{"access_token": "{access}", "refresh_token": "{refresh}"{more}}}"#);
        let mut command = self.command(rekindle());
        let mut import =
            command.args(["import", "--profile", profile]).stdin(Stdio::piped()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(json.as_bytes()).unwrap();
        said(&import.wait_with_output().unwrap());
    }

    fn start(&self, script: &str) -> Child {
        self.command(folder().join(script)).spawn().unwrap()
    }

    fn run(&self, script: &str) -> Output {
        self.start(script).wait_with_output().unwrap()
    }
}

fn pair(tokens: &Tokens) -> (String, String) {
    (tokens.access_token.clone(), tokens.refresh_token.clone())
}

#[test]
fn rest_json() {
    let (server, tokens) = expired(SeedDialect::Json);
    let home = Home::new(&server);
    home.import("rest", &pair(&tokens), "");
    assert_eq!(said(&home.run("rest_json.sh")).trim_end(), DATA);
    kept(&server);
}

// spec 4.1: across all processes that share the store.
#[test]
fn twenty_at_once_refresh_once() {
    let (server, tokens) = expired(SeedDialect::Json);
    let home = Home::new(&server);
    home.import("rest", &pair(&tokens), "");
    let running: Vec<_> = (0..20).map(|_| home.start("rest_json.sh")).collect();
    for one in running {
        assert_eq!(said(&one.wait_with_output().unwrap()).trim_end(), DATA);
    }
    let counters = server.counters();
    assert_eq!((counters.refresh_requests, counters.refreshes, counters.reuses_detected), (1, 1, 0));
    assert_eq!(counters.accepted, 20);
}

// spec 4.1: the same on oidc-provider, which revokes everything when a refresh token comes twice.
#[test]
fn twenty_at_once_refresh_once_on_a_real_server() {
    let Some(idp) = OidcProvider::start(OidcOptions::default()) else { return };
    let home = Home::at(&idp.base_url, &idp.url("/token"), rekindle_idp::PUBLIC_CLIENT);
    let tokens = idp.mint_expired();
    home.import("here", &(tokens.access_token, tokens.refresh_token), "");
    let request = || home.command(rekindle()).args(["request", "--fail", "/api/data"]).spawn().unwrap();
    let running: Vec<_> = (0..20).map(|_| request()).collect();
    for one in running {
        assert_eq!(said(&one.wait_with_output().unwrap()).trim_end(), r#"{"data":"kept alive"}"#);
    }
    let stats = idp.stats();
    assert_eq!((stats.token_requests, stats.refreshes, stats.reuse_detected), (1, 1, 0));
    assert_eq!(stats.api_accepted, 20);
}

#[test]
fn authenticated_fetch_says_where_the_tokens_come_from_once_they_are_lost() {
    let (server, tokens) = expired(SeedDialect::ApiToken);
    let home = Home::new(&server);
    home.import("fetch", &pair(&tokens), "");
    assert_eq!(said(&home.run("authenticated_fetch.sh")).trim_end(), DATA);
    kept(&server);

    server.expire_all_access_tokens();
    server.revoke_all();
    for _ in 0..2 {
        let output = home.run("authenticated_fetch.sh");
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, "Please sign in, then: rekindle import --profile fetch < tokens.json\n");
    }
    // It is known to be lost: nobody asks again.
    assert_eq!(server.counters().refresh_requests, 2);

    home.import("fetch", &pair(&server.sign_in()), "");
    assert_eq!(said(&home.run("authenticated_fetch.sh")).trim_end(), DATA);
}

// Its own curl is not judged, so the end of the token must be known.
#[test]
fn oauth() {
    let (server, tokens) = expired(SeedDialect::OAuth);
    let home = Home::new(&server);
    home.import("oauth", &pair(&tokens), r#", "expires_at": 1000000000"#);
    assert_eq!(said(&home.run("oauth.sh")).trim_end(), DATA);
    let counters = server.counters();
    assert_eq!((counters.refresh_requests, counters.refreshes, counters.reuses_detected), (1, 1, 0));
    assert_eq!((counters.rejected, counters.accepted), (0, 1));
}

#[test]
fn graphql() {
    let (server, tokens) = expired(SeedDialect::GraphQl);
    let home = Home::new(&server);
    home.import("school", &pair(&tokens), "");
    let output = said(&home.run("graphql.sh"));
    assert!(output.contains("Student One"), "{output}");
    kept(&server);
}
