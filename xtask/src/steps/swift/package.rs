//! The Swift package as it is handed out for Linux: sources, generated ones among them, and the library beside them. For
//! Apple's systems an XCFramework takes the library's place, and that is made there.

use std::path::Path;

use crate::bindings::library_name;
use crate::steps::toolbox::{copy, copy_anew};
use crate::workspace::Workspace;

const FILES: &[&str] = &["Package.swift", "README.md", "APP-GROUPS.md"];
const LICENCES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];

/// Packs it, with that library, into that folder.
pub(super) fn pack(workspace: &Workspace, library: &Path, packed: &Path) -> Result<(), String> {
    copy_anew(&workspace.path("bindings/swift/Sources"), &packed.join("Sources"))?;
    let from = workspace.path("bindings/swift");
    for file in FILES {
        copy(&from.join(file), &packed.join(file))?;
    }
    for file in LICENCES {
        copy(&workspace.path(file), &packed.join(file))?;
    }
    copy(library, &packed.join("lib").join(library_name("rekindle_uniffi")))
}
