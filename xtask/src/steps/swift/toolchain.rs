//! A Swift compiler: the machine's own, or Debian 13's in a folder that is kept beside all checkouts.
//!
//! Debian 12 has no Swift in its packages; Debian 13 has 6.0. Its packages run in a `chroot` on any Linux, what
//! is built outside runs in there, and it is the machine's own mirror that they come from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::Outcome;
use crate::run;
use crate::steps::toolbox::{apt, cache};
use crate::workspace::Workspace;

const OLDEST: u32 = 6;
const SUITE: &str = "trixie";
const PACKAGES: &str = "swiftlang,libc6-dev,libstdc++-14-dev";

/// Makes places of the outside visible inside, and goes there. Mounts are made in a namespace of this process
/// alone: they end with it, however it ends.
const ENTER: &str = r#"set -e
root=$1; shift
for place in /proc /dev "$1" "$2"; do
  mkdir -p "$root$place"
  mount --rbind "$place" "$root$place"
done
shift 2
exec chroot "$root" env -C "$@""#;

/// Where `swift` is found.
pub(crate) enum Toolchain {
    /// On the path.
    Own,
    /// In this folder.
    Debian(PathBuf),
}

impl Toolchain {
    /// The machine's own, or the folder, which is made where installing is allowed.
    pub(crate) fn find(workspace: &Workspace) -> Result<Self, Outcome> {
        if run::says("swift", &["--version"]).is_some_and(|told| is_new_enough(&told)) {
            return Ok(Self::Own);
        }
        let skipped = |why: &str| Outcome::Skipped(format!("there is no Swift {OLDEST} here, and {why}"));
        if run::says("id", &["-u"]).as_deref() != Some("0") {
            return Err(skipped("the folder of Debian 13 that stands in for it needs root"));
        }
        if !run::works("unshare", &["--mount", "true"]) {
            return Err(skipped("the folder of Debian 13 that stands in for it needs the right to mount"));
        }
        let Some(folder) = folder() else { return Err(skipped("neither XDG_CACHE_HOME nor HOME is set")) };
        if is_ready(&folder) {
            return Ok(Self::Debian(folder));
        }
        if !workspace.install {
            return Err(skipped("Debian 13's is not installed: cargo xtask test --install"));
        }
        if !run::works("apt-get", &["--version"]) {
            return Err(skipped("the folder of Debian 13 that stands in for it needs apt"));
        }
        install(&folder).map_err(Outcome::Failed)?;
        Ok(Self::Debian(folder))
    }

    /// `swift`, in this folder of the workspace.
    pub(crate) fn swift(&self, workspace: &Workspace, folder: &Path) -> Command {
        let mut command = self.program(workspace, folder, Path::new("swift"));
        command.env("LANG", "C.UTF-8");
        command
    }

    /// A program that `swift` built; in Debian's folder it sees nothing of our environment.
    pub(crate) fn program(&self, workspace: &Workspace, folder: &Path, program: &Path) -> Command {
        match self {
            Self::Own => {
                let mut command = Command::new(program);
                command.current_dir(folder);
                command
            }
            Self::Debian(root) => {
                let mut command = enter(root, &workspace.root, &workspace.target);
                command.arg(folder).arg(program);
                command
            }
        }
    }
}

fn enter(root: &Path, first: &Path, second: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "swift"]);
    command.args([root, first, second]);
    command.env_clear().env("HOME", "/root").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// `Swift version 6.0.3 (swift-6.0.3-RELEASE)`, or Apple's, which begins with its driver's version.
fn is_new_enough(told: &str) -> bool {
    let version = told.split("Swift version ").nth(1).and_then(|rest| rest.split('.').next());
    version.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= OLDEST)
}

fn folder() -> Option<PathBuf> {
    cache().map(|cache| cache.join("debian-13"))
}

/// The folder tells what it was made from; one that was not finished never got its name.
fn is_ready(folder: &Path) -> bool {
    fs::read_to_string(folder.join(".made-from")).is_ok_and(|made| made == made_from())
}

fn made_from() -> String {
    format!("{SUITE} {PACKAGES}\n")
}

/// About two minutes, and 3 GB.
fn install(folder: &Path) -> Result<(), String> {
    let told = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(folder.parent().unwrap_or(folder)).map_err(told)?;
    let lock = File::create(folder.with_extension("lock")).map_err(told)?;
    lock.lock().map_err(told)?;
    if is_ready(folder) {
        return Ok(());
    }
    let half = folder.with_extension("half");
    for old in [&half, folder] {
        match fs::remove_dir_all(old) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(told(e)),
            _ => {}
        }
    }
    bootstrap(&half)?;
    // Packages that have been unpacked are of no further use.
    let _ = fs::remove_dir_all(half.join("var/cache/apt/archives"));
    fs::write(half.join(".made-from"), made_from()).and_then(|()| fs::rename(&half, folder)).map_err(told)
}

fn bootstrap(half: &Path) -> Result<(), String> {
    if !run::works("debootstrap", &["--version"]) {
        apt(&["debootstrap"]);
    }
    let mirror = mirror().ok_or("apt knows no mirror of Debian's: /etc/apt/sources.list")?;
    // Its mounts, too, must not outlive it.
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "debootstrap", "--variant=minbase"]);
    command.arg(format!("--include={PACKAGES}")).arg(SUITE).arg(half).arg(mirror);
    if run::ok(&mut command) { Ok(()) } else { Err("debootstrap failed: see above".to_owned()) }
}

/// Where apt gets Debian itself from, not its security updates.
fn mirror() -> Option<String> {
    let asked = ["indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"];
    let told = || run::says("apt-get", &asked).unwrap_or_default();
    let find = |told: &str| told.lines().find_map(|line| line.strip_prefix("Debian ").map(str::to_owned));
    // What a repository calls itself is known once its index has been fetched.
    find(&told()).or_else(|| {
        apt(&[]);
        find(&told())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swift_6_is_told_from_older_ones() {
        assert!(is_new_enough("Swift version 6.0.3 (swift-6.0.3-RELEASE)\nTarget: x86_64-pc-linux-gnu"));
        assert!(is_new_enough("swift-driver version: 1.115 Apple Swift version 6.1 (swiftlang-6.1.0.110)"));
        assert!(!is_new_enough("Swift version 5.10.1 (swift-5.10.1-RELEASE)"));
        assert!(!is_new_enough(""));
    }
}
