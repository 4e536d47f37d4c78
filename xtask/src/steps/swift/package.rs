//! The Swift package as it is handed out for Linux: sources, generated ones among them, and the library beside them. For
//! Apple's systems an XCFramework takes the library's place, and that is made there.

use std::fs;
use std::io;
use std::path::Path;

use crate::bindings::library_name;
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

/// A folder's copy, and nothing else there. What is built in it stays behind.
pub(super) fn copy_anew(from: &Path, to: &Path) -> Result<(), String> {
    match fs::remove_dir_all(to) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(format!("{}: {e}", to.display())),
        _ => copy_folder(from, to),
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))?;
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        match path.is_dir() {
            true if name.to_string_lossy().starts_with('.') => {}
            true => copy_folder(&path, &to.join(name))?,
            false => copy(&path, &to.join(name))?,
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let folder = to.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::copy(from, to)).map(drop).map_err(|e| format!("{}: {e}", from.display()))
}
