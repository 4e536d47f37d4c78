//! Every platform that Go programs are built for. What differs between them is written by hand: the translated core is the same
//! everywhere and takes a minute to compile, so a few lines stand in for it. `cargo xtask package go` builds with the core.

use std::fs;

use super::{go, package_folder, step};
use crate::workspace::Workspace;

/// Operating system and architecture.
pub(super) const PLATFORMS: [(&str, &str); 4] =
    [("linux", "arm64"), ("darwin", "arm64"), ("windows", "amd64"), ("js", "wasm")];

/// What the package uses of the core.
const STAND_IN: &str = r"package core

type Module struct{}

type Memory interface{ Slice() *[]byte }

func New() *Module { return nil }

func (*Module) Xrekindle_abi_version() int32                                { return 0 }
func (*Module) Xrekindle_alloc(int32) int32                                 { return 0 }
func (*Module) Xrekindle_free(int32, int32)                                 {}
func (*Module) Xrekindle_new(int32, int32, int32) int32                     { return 0 }
func (*Module) Xrekindle_output_length(int32) int32                         { return 0 }
func (*Module) Xrekindle_tag(int32, int32, float64, float64) int32          { return 0 }
func (*Module) Xrekindle_turn(int32, float64, float64, int32, int32) int32 { return 0 }
func (*Module) Xmemory() Memory                                             { return nil }
";

pub(super) fn check(workspace: &Workspace) -> Result<(), String> {
    let folder = workspace.target.join("go-platforms");
    let (stand_in, overlay) = (folder.join("core.go"), folder.join("overlay.json"));
    let told = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(&folder).map_err(told)?;
    fs::write(&stand_in, STAND_IN).map_err(told)?;
    let replaced = package_folder(workspace).join("internal/core/core.go");
    let text =
        format!("{{\"Replace\":{{{:?}:{:?}}}}}", replaced.to_string_lossy(), stand_in.to_string_lossy());
    fs::write(&overlay, text).map_err(told)?;
    for (system, architecture) in PLATFORMS {
        let mut build = go(workspace, ".", "build");
        build.env("GOOS", system).env("GOARCH", architecture).env("CGO_ENABLED", "0");
        step(&format!("it does not build for {system}"), build.arg("-overlay").arg(&overlay).arg("."))?;
    }
    Ok(())
}
