//! The Python package: wheel and sdist are built, the wheel is installed where nothing else of ours is, and
//! its tests run there; the stubs are checked against it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::toolbox::cargo;
use crate::report::{Count, Outcome};
use crate::workspace::Workspace;
use crate::{run, venv};

/// What builds and checks the package; what the adapters adapt to; the other event loop; servers that fork; a real TLS
/// server with HTTP/2. gql does not bring by itself what its requests transport needs.
const PACKAGES: &[&str] = &[
    "maturin",
    "pytest",
    "mypy",
    "pyright",
    "httpx",
    "httpx2",
    "requests",
    "aiohttp",
    "gql[requests]",
    "uvloop",
    "gunicorn",
    "celery",
    "trustme",
    "hypercorn",
    "uvicorn",
    // What the programs of the documentation's pages use beside: what people come from, and where they go on.
    "fastapi",
    "requests-oauthlib",
    "authlib",
    "nbclient",
    "ipykernel",
];

/// The workspace's limit for a wheel.
const MOST_BYTES: u64 = 6_000_000;

pub(super) fn run(workspace: &Workspace, count: &mut Count) -> Outcome {
    if !venv::has(&place(workspace), PACKAGES) && !workspace.install {
        return Outcome::Skipped("its tools are not installed: cargo xtask test --install".to_owned());
    }
    let venv = match venv(workspace) {
        Ok(venv) => venv,
        Err(why) => return Outcome::Failed(why),
    };
    let python = venv.join("bin/python");
    match check(workspace, &venv, &python, count) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// An interpreter that has rekindle, for the tests of other languages: of an earlier run of this step, or made now.
pub(super) fn with_rekindle(workspace: &Workspace) -> Result<PathBuf, String> {
    let python = place(workspace).join("bin/python");
    if python.exists() && run::works(&python.to_string_lossy(), &["-c", "import rekindle"]) {
        return Ok(python);
    }
    if !workspace.install {
        return Err("no Python with rekindle: cargo xtask test --install".to_owned());
    }
    let venv = venv(workspace)?;
    install(&python, &build(workspace, &venv)?)?;
    Ok(python)
}

/// The environment with all that builds and tests the package; made first if it is not there.
pub(crate) fn venv(workspace: &Workspace) -> Result<PathBuf, String> {
    let venv = place(workspace);
    if venv::has(&venv, PACKAGES) || venv::make(&venv, PACKAGES) {
        return Ok(venv);
    }
    Err("the Python environment could not be made".to_owned())
}

fn place(workspace: &Workspace) -> PathBuf {
    workspace.target.join("python-venv")
}

fn check(workspace: &Workspace, venv: &Path, python: &Path, count: &mut Count) -> Result<(), String> {
    let wheel = build(workspace, venv)?;
    let size = std::fs::metadata(&wheel).map_err(|e| e.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!("the wheel has {size} bytes, more than {MOST_BYTES}"));
    }
    install(python, &wheel)?;
    clean(workspace, &wheel)?;
    // The server is built by the Rust tests, but they may have been left out.
    step(
        "the test server does not build",
        cargo(workspace).args(["build", "--locked", "-p", "rekindle-test-server"]),
    )?;
    let before = count.failed;
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest"]).current_dir(workspace.path("python"));
    pytest.env("REKINDLE_TEST_SERVER", workspace.target.join("debug/rekindle-test-server"));
    // Failed tests are counted by name; no count means that it did not even begin.
    if !run::watched(&mut pytest, |line| count.see_pytest(line)) && count.failed == before {
        return Err("pytest did not run".to_owned());
    }
    stubs(workspace, venv, python)
}

fn install(python: &Path, wheel: &Path) -> Result<(), String> {
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps"];
    step("the wheel does not install", Command::new(python).args(pip).arg(wheel))
}

/// The sdist by maturin, and by pip the wheel of it, as where no wheel fits: so both are tried. Its backend is ours,
/// which is installed already.
fn build(workspace: &Workspace, venv: &Path) -> Result<PathBuf, String> {
    let out = workspace.target.join("wheels");
    let _ = std::fs::remove_dir_all(&out);
    let mut maturin = Command::new(venv.join("bin/maturin"));
    maturin.args(["sdist", "--out"]).arg(&out).current_dir(workspace.path("python"));
    // Its files are dated 2006 otherwise, and cargo takes what it built before for newer than all of them.
    maturin.env("SOURCE_DATE_EPOCH", now());
    step("the sdist does not build", &mut maturin)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(venv.join("bin")).chain(std::env::split_paths(&path)));
    let mut pip = Command::new(venv.join("bin/pip"));
    // Its cache knows a sdist by its path: it would give back the wheel of an older one.
    pip.args(["wheel", "--quiet", "--no-cache-dir", "--no-build-isolation", "--no-deps", "--no-index"]);
    pip.arg("--wheel-dir").arg(&out).arg(found(&out, "gz")?).env("CARGO_TARGET_DIR", &workspace.target);
    step("the sdist does not build by pip", pip.env("PATH", path.map_err(|e| e.to_string())?))?;
    found(&out, "whl")
}

/// In seconds since 1970.
fn now() -> String {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()).to_string()
}

/// The file of this kind in a folder.
fn found(folder: &Path, extension: &str) -> Result<PathBuf, String> {
    let files = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files = files.filter_map(|entry| Some(entry.ok()?.path()));
    files
        .find(|path| path.extension().is_some_and(|e| e == extension))
        .ok_or_else(|| format!("no .{extension}"))
}

/// The wheel alone, in an environment of its own, does what the README begins with.
fn clean(workspace: &Workspace, wheel: &Path) -> Result<(), String> {
    let venv = workspace.target.join("python-clean-venv");
    step("no clean environment", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = ["install", "--quiet", "--disable-pip-version-check", "--no-index"];
    step("the wheel wants more than itself", Command::new(venv.join("bin/pip")).args(pip).arg(wheel))?;
    let program = "import rekindle; s = rekindle.Session(token_url='https://a.test/token', client_id='a', \
                   access_token='x'); assert s.token().value == 'x'; rekindle.Client(s, base_url='https://a.test')";
    step("the installed wheel does not work", Command::new(venv.join("bin/python")).args(["-c", program]))
}

fn stubs(workspace: &Workspace, venv: &Path, python: &Path) -> Result<(), String> {
    let here = workspace.path("python");
    let stubtest = ["-m", "mypy.stubtest", "rekindle._native"];
    step("stubtest", Command::new(python).args(stubtest).current_dir(&here))?;
    let mypy = ["-m", "mypy", "--strict", "-p", "rekindle"];
    step("mypy", Command::new(python).args(mypy).current_dir(here.join("python")))?;
    let mut pyright = Command::new(venv.join("bin/pyright"));
    step("pyright", pyright.arg("--pythonpath").arg(python).current_dir(&here))
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    if run::ok(command) { Ok(()) } else { Err(format!("{what}: see above")) }
}
