//! The Composer package, through the extension and through FFI, beside Guzzle, curl and a middleware as it is written by hand: what goes
//! wrong, and what it costs. Written to `benches/results/php.md`.

use super::mobile;
use crate::run;
use crate::steps::PhpBench;
use crate::workspace::Workspace;

const RESULTS: &str = "benches/results/php.md";

const CORRECTNESS: &str = "\
Against a server that rotates refresh tokens and ends the sign-in when one is sent twice. Good is: 16 processes whose token was revoked
early all get their response, with one refresh; if a process gets SIGTERM after the server has received its refresh token, the next process
gets its response. The middleware by hand keeps its tokens in a file, and refreshes them after a 401.
";

const SPEED: &str = "\
GET requests on loopback, one after the other; the server is a process of its own. The sides run in turns, and a ratio is the median of the
rounds' ratios. CPU is that of the PHP process, for one call or request.
";

/// `--quick`: a tenth of the requests; what is measured with arguments is not written.
pub(super) fn run(workspace: &Workspace, rest: &[String]) -> bool {
    mobile::report(workspace, RESULTS, rest, |_| measured(workspace, rest))
}

fn measured(workspace: &Workspace, rest: &[String]) -> Result<String, String> {
    let bench = PhpBench::built(workspace)?;
    let correctness = mobile::said(&mut bench.through_extension("correctness", rest))?;
    let extension = mobile::said(&mut bench.through_extension("speed", rest))?;
    let ffi = mobile::said(&mut bench.through_ffi("speed", rest))?;
    let php = run::says("php", &["-r", "echo PHP_VERSION;"]).unwrap_or_default();
    Ok(format!(
        "# rekindle for PHP, measured\n\nWritten by `cargo xtask bench php`.\n\n## What goes wrong\n\n{correctness}\n{CORRECTNESS}\n\
         ## What it costs\n\n| what | core through | measured | |\n|---|---|---:|---|\n{extension}{ffi}\n{SPEED}\n\
         PHP {php}; {}\n",
        mobile::machine()
    ))
}
