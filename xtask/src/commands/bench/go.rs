//! The Go module beside `net/http` and `golang.org/x/oauth2`: what goes wrong, and what it costs. Written to `benches/results/go.md`.

use std::process::Command;

use super::mobile;
use crate::steps;
use crate::workspace::Workspace;

const RESULTS: &str = "benches/results/go.md";

/// `-quick`: a tenth of the requests; what is measured with arguments is not written.
pub(super) fn run(workspace: &Workspace, rest: &[String]) -> bool {
    mobile::report(workspace, RESULTS, rest, |_| {
        steps::make_go(workspace)?;
        let mut bench = Command::new("go");
        bench.args(["run", "./bench"]).args(rest);
        mobile::said(bench.current_dir(workspace.path("bindings/go/test")))
    })
}
