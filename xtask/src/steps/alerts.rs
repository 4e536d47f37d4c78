//! Alerts on our counters (`examples/prometheus`): promtool checks the rules, plays their tests, and reads the counters' text.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::toolbox::{cache, unpack};
use crate::report::{Count, Outcome};
use crate::run;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    let Some(promtool) = promtool(workspace) else {
        return Outcome::Skipped("promtool is not installed: cargo xtask test --install".to_owned());
    };
    let folder = workspace.path("examples/prometheus");
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        tell(count, run::ok(Command::new(&promtool).args(arguments).current_dir(&folder)));
    }
    // A Python test holds it to what `rekindle.metrics.text` gives.
    tell(count, reads(&promtool, &folder.join("metrics.txt")));
    Outcome::from(count.failed == 0)
}

fn reads(promtool: &Path, text: &Path) -> bool {
    let Ok(text) = File::open(text) else { return false };
    run::ok(Command::new(promtool).args(["check", "metrics"]).stdin(text))
}

fn tell(count: &mut Count, passed: bool) {
    count.passed += u64::from(passed);
    count.failed += u64::from(!passed);
}

/// Debian's package is only unpacked: installed, it would start a server.
fn promtool(workspace: &Workspace) -> Option<PathBuf> {
    if run::works("promtool", &["--version"]) {
        return Some("promtool".into());
    }
    let folder = cache().map_or_else(|| workspace.target.join("tools"), |cache| cache.join("tools"));
    let folder = folder.join("prometheus");
    let own = folder.join("usr/bin/promtool");
    let is_there = own.exists() || (workspace.install && unpack("prometheus", &folder));
    (is_there && own.exists()).then_some(own)
}
