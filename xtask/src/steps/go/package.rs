//! The module as it is handed out: with the translated core, without its tests. Tried by a program outside of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use super::platforms::PLATFORMS;
use super::{made, package_folder, step};
use crate::report::Count;
use crate::run;
use crate::workspace::Workspace;

const MODULE: &str = "rekindle.dev/rekindle";
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// As short as a consumer's first program.
const CONSUMER: &str = r#"package main

import (
	"errors"
	"fmt"

	"rekindle.dev/rekindle"
)

func main() {
	_, err := rekindle.NewSession(rekindle.Options{TokenURL: "http://auth.example.com/token"})
	fmt.Println(errors.Is(err, rekindle.ErrInvalidConfig))
}
"#;

pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    made(workspace)?;
    let packed = workspace.target.join("package/go");
    pack(workspace, &packed).map_err(|e| format!("{}: {e}", packed.display()))?;
    step("go vet", std::process::Command::new("go").args(["vet", "."]).current_dir(&packed))?;
    let consumer = std::env::temp_dir().join(format!("rekindle-go-consumer-{}", std::process::id()));
    let tried = consume(&packed, &consumer, count);
    let _ = fs::remove_dir_all(&consumer);
    tried?;
    Ok(vec![
        packed.join("go.mod"),
        packed.join("internal/core/core.go"),
        packed.join("internal/core/core.dat"),
    ])
}

fn pack(workspace: &Workspace, packed: &Path) -> std::io::Result<()> {
    let from = package_folder(workspace);
    let _ = fs::remove_dir_all(packed);
    fs::create_dir_all(packed.join("internal/core"))?;
    for entry in fs::read_dir(&from)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_source = name.ends_with(".go") && !name.ends_with("_test.go");
        if is_source || name == "go.mod" || name == "README.md" {
            fs::copy(entry.path(), packed.join(name))?;
        }
    }
    for file in ["internal/core/core.go", "internal/core/core.dat"] {
        fs::copy(from.join(file), packed.join(file))?;
    }
    for file in LICENCES {
        fs::copy(workspace.path(file), packed.join(file))?;
    }
    Ok(())
}

/// Nothing is fetched: it depends on nothing else.
fn consume(packed: &Path, consumer: &Path, count: &mut Count) -> Result<(), String> {
    let write = |name: &str, text: &str| fs::write(consumer.join(name), text).map_err(|e| e.to_string());
    fs::create_dir_all(consumer).map_err(|e| e.to_string())?;
    write("main.go", CONSUMER)?;
    write(
        "go.mod",
        &format!(
            "module consumer\n\ngo 1.26\n\nrequire {MODULE} v0.0.0\n\nreplace {MODULE} => {}\n",
            packed.display()
        ),
    )?;
    let go = || {
        let mut command = std::process::Command::new("go");
        command.current_dir(consumer).env("GOPROXY", "off").env("CGO_ENABLED", "0");
        command
    };
    step("go mod verify", go().args(["mod", "verify"]))?;
    let mut right = false;
    let ran = run::watched(go().args(["run", "."]), |line| right |= line == "true");
    tally(count, ran && right);
    for (system, architecture) in PLATFORMS {
        let mut build = go();
        build.args(["build", "-o", "consumer.out", "."]).env("GOOS", system).env("GOARCH", architecture);
        tally(count, run::ok(&mut build));
    }
    Ok(())
}

fn tally(count: &mut Count, passed: bool) {
    if passed {
        count.passed += 1;
    } else {
        count.failed += 1;
    }
}
