//! What several steps need.

use std::process::Command;

use crate::run;
use crate::workspace::Workspace;

/// The cargo that runs us, in the root of the workspace.
pub(super) fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&workspace.root);
    command
}

/// Installs Debian packages. Only called where installing is allowed and something is truly missing.
pub(super) fn apt(packages: &[&str]) -> bool {
    let update = apt_get(&["update", "-q"]);
    let mut args = vec!["install", "-qy", "--no-install-recommends"];
    args.extend_from_slice(packages);
    update && apt_get(&args)
}

fn apt_get(args: &[&str]) -> bool {
    let root = run::says("id", &["-u"]).as_deref() == Some("0");
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "apt-get"]);
    }
    run::ok(command.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
}
