//! The documentation as pages: `docs`, with what stands elsewhere in the repository, made by mdBook, and checked.

mod blocks;
mod borrowed;
mod fields;
mod links;
mod programs;

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::steps::Tool;
use crate::workspace::Workspace;

/// Without its server and its search: some two minutes on two cores, once.
pub(crate) const MDBOOK: Tool =
    Tool { package: "mdbook", version: "0.5.4", arguments: &["--no-default-features"] };

/// The pages that are written anew each time, and not committed.
const WRITTEN: &str = "docs/src/repository";

/// Makes the pages and gives the folder that they are in.
pub(crate) fn build(workspace: &Workspace, mdbook: &Path) -> Result<PathBuf, String> {
    let mut problems = blocks::problems(workspace)?;
    problems.extend(fields::problems(workspace)?);
    if !problems.is_empty() {
        return Err(problems.join("\n"));
    }
    let written = workspace.path(WRITTEN);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(&written)
            .and_then(|()| fs::write(written.join(name), text))
            .map_err(|e| format!("{}: {e}", written.join(name).display()))
    };
    write("programs.md", &programs::page())?;
    for page in borrowed::PAGES {
        let text =
            fs::read_to_string(workspace.path(page.file)).map_err(|e| format!("{}: {e}", page.file))?;
        write(page.name, &borrowed::page(page, &text))?;
    }
    let pages = workspace.target.join("docs-site");
    let mut command = Command::new(mdbook);
    command.arg("build").arg(workspace.path("docs")).arg("--dest-dir").arg(&pages);
    // mdBook goes on without a file that it is told to include, and says so.
    let output = command.output().map_err(|e| format!("mdbook: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<_> =
        said.lines().filter(|line| line.contains("ERROR") || line.contains("WARN")).collect();
    if !output.status.success() || !complaints.is_empty() {
        return Err(format!("mdbook: {said}"));
    }
    let problems = links::problems(&pages)?;
    if problems.is_empty() { Ok(pages) } else { Err(problems.join("\n")) }
}

/// A path without `.` and `..`: where a link leads.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            component => path.push(component),
        }
        path
    })
}
