//! A server, a profile for it, and the command.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rekindle_test_server::{AuthServer, AuthServerBuilder, Rotation, SeedDialect, Tokens};
use serde_json::Value;
use tempfile::TempDir;

/// What every secret of the tests holds.
pub(crate) const SENTINEL: &str = "sentinel-";

pub(crate) struct World {
    pub(crate) server: AuthServer,
    pub(crate) folder: TempDir,
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// A `json` server that revokes everything at the first reuse, and the profile `school`.
    pub(crate) fn new() -> Self {
        Self::speaking(SeedDialect::Json, |builder| builder)
    }

    pub(crate) fn speaking(
        dialect: SeedDialect,
        change: impl FnOnce(AuthServerBuilder) -> AuthServerBuilder,
    ) -> Self {
        let builder = AuthServer::builder().dialect(dialect).rotation(Rotation::StrictFamily);
        let builder = builder.configure(|config| {
            config.token_prefix = SENTINEL.to_owned();
            config.client_secret = format!("{SENTINEL}client-secret");
        });
        let world = Self { server: change(builder).start().unwrap(), folder: tempfile::tempdir().unwrap() };
        let (preset, path) = match dialect {
            SeedDialect::Json => ("json", "/refresh"),
            SeedDialect::ApiToken => ("json", "/api/token/refresh"),
            SeedDialect::OAuth | SeedDialect::OAuth400 => ("oauth2", "/oauth/token"),
            SeedDialect::GraphQl => ("graphql", "/"),
        };
        let url = world.server.base_url();
        world.configure(&format!(
            "[profile.school]\ndialect = \"{preset}\"\nbase_url = \"{url}\"\ntoken_url = \"{url}{path}\"\n\
             client_id = \"app\"\nclient_secret = \"{SENTINEL}client-secret\"\nstore = \"session.json\"\n\
             rotation = \"strict-family\"\ngraphql_path = \"/\"\n"
        ));
        world
    }

    /// Writes the profile file, and consents to it.
    pub(crate) fn configure(&self, text: &str) {
        self.write("rekindle.toml", text);
        // What cannot be read cannot be trusted: the tests of that see it again.
        self.run(&["trust"]);
    }

    /// A file that nobody else may write, whatever the umask.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(self.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs in at the server, and imports what it gave.
    pub(crate) fn sign_in(&self) -> Tokens {
        let tokens = self.server.sign_in();
        let ran = self.fed(&["import"], &serde_json::to_string(&tokens).unwrap());
        assert_eq!(ran.code, 0, "{}", ran.err);
        tokens
    }

    /// A sign-in whose access token the server does not take any more.
    pub(crate) fn sign_in_expired(&self) -> Tokens {
        let tokens = self.sign_in();
        self.server.expire_all_access_tokens();
        tokens
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.fed(args, "")
    }

    pub(crate) fn fed(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // The command may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ran::of(child)
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdin(Stdio::null()).spawn().unwrap()
    }

    /// In an environment of its own: no proxy, no profile of the user's.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
        command.args(args).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Waits until the server has something to say yes to.
    pub(crate) fn until(&self, what: impl Fn(&AuthServer) -> bool) {
        let begun = Instant::now();
        while !what(&self.server) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it never came: {:?}", self.server.counters());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Ran {
    pub(crate) fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    pub(crate) fn error(&self) -> Value {
        serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {}", self.err))
    }
}
