//! Starts a server for tests in other languages: prints `{"url": ...}`, stops when stdin closes.
//!
//! An argument, if given, is the model's configuration as JSON (as for `POST /__auth`); without one there is
//! only the script.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use rekindle_test_server::{AuthConfig, AuthServer, Script, TestServer};

fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "rekindle-test-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Option<&str>) -> io::Result<()> {
    let Some(config) = config else {
        return serve(&TestServer::start(Script::new())?);
    };
    let config: AuthConfig = serde_json::from_str(config)?;
    let server = AuthServer::builder().configure(|default| *default = config).start()?;
    serve(&server)
}

fn serve(server: &TestServer) -> io::Result<()> {
    writeln!(io::stdout(), "{}", serde_json::json!({ "url": server.base_url() }))?;
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}
