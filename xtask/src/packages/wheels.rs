//! Wheels for Linux by both of its C libraries and on two kinds of processors, with zig as the linker; each holds a list of
//! what is inside (an SBOM, PEP 770), and what can run here is installed where nothing else is.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{emptied, files, step, target, tried};
use crate::report::Count;
use crate::run;
use crate::steps::python_venv;
use crate::workspace::Workspace;

const TARGETS: [(&str, &str); 4] = [
    ("x86_64-unknown-linux-gnu", "manylinux2014"),
    ("aarch64-unknown-linux-gnu", "manylinux2014"),
    ("x86_64-unknown-linux-musl", "musllinux_1_2"),
    ("aarch64-unknown-linux-musl", "musllinux_1_2"),
];

/// What the clean environment runs.
const PROGRAM: &str = "import rekindle; s = rekindle.Session(token_url='https://a.test/token', client_id='a', access_token='x'); \
                       assert s.token().value == 'x'";

pub(crate) fn package(workspace: &Workspace, count: &mut Count) -> Result<Vec<PathBuf>, String> {
    let venv = python_venv(workspace)?;
    let pip = ["install", "--quiet", "--disable-pip-version-check", "maturin[zig]"];
    step("zig does not install", Command::new(venv.join("bin/pip")).args(pip))?;
    let out = emptied(workspace.target.join("package/python"))?;
    for (name, compatible) in TARGETS {
        target(name)?;
        let mut maturin = Command::new(venv.join("bin/maturin"));
        maturin.args([
            "build",
            "--release",
            "--locked",
            "--zig",
            "--target",
            name,
            "--compatibility",
            compatible,
        ]);
        maturin.arg("--out").arg(&out).current_dir(workspace.path("python"));
        // zig is found as a module of this environment's Python.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(venv.join("bin")).chain(std::env::split_paths(&path)));
        step(&format!("the wheel for {name}"), maturin.env("PATH", path.map_err(|e| e.to_string())?))?;
    }
    let wheels = files(&out)?;
    for wheel in &wheels {
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        tried(count, &format!("{name} says what is inside"), lists_what_is_inside(&venv, wheel));
        if name.contains("manylinux") && name.contains(std::env::consts::ARCH) {
            tried(count, &format!("{name} where nothing else is"), alone(workspace, wheel));
        }
    }
    Ok(wheels)
}

fn lists_what_is_inside(venv: &Path, wheel: &Path) -> bool {
    let program = "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
                   names = [n for n in z.namelist() if '/sboms/' in n]; \
                   found = [c['name'] for n in names for c in json.loads(z.read(n))['components']]; \
                   assert 'ring' in found and 'tokio' in found, names";
    run::ok(Command::new(venv.join("bin/python")).args(["-c", program]).arg(wheel))
}

fn alone(workspace: &Workspace, wheel: &Path) -> bool {
    let venv = workspace.target.join("package/python-venv");
    let pip = ["install", "--quiet", "--disable-pip-version-check", "--no-index"];
    run::ok(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        && run::ok(Command::new(venv.join("bin/pip")).args(pip).arg(wheel))
        && run::ok(Command::new(venv.join("bin/python")).args(["-c", PROGRAM]))
}
