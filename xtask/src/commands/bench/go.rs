//! The Go module beside `net/http` and `golang.org/x/oauth2`: speed, and what each does where it is hard.

use std::process::Command;

use crate::run;
use crate::steps;
use crate::workspace::Workspace;

/// `--quick`: a fifth of the time. Further arguments go to `go test`.
pub(super) fn run(workspace: &Workspace, rest: &[String]) -> bool {
    if let Err(why) = steps::make_go(workspace) {
        eprintln!("bench go: {why}");
        return false;
    }
    let mut bench = Command::new("go");
    bench.args(["test", "-run", "^TestTable", "-bench", ".", "-v"]);
    bench.args(rest.iter().map(|argument| if argument == "--quick" { "-benchtime=0.2s" } else { argument }));
    run::ok(bench.args(["./bench"]).current_dir(workspace.path("bindings/go/test")))
}
