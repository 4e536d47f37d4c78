//! Every file that ARCHITECTURE.md names is there: a table "to change X, open Y" that nobody checks is soon a riddle.

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;

const DOCUMENT: &str = "ARCHITECTURE.md";
/// What is no source of ours.
const PASSED_OVER: &[&str] = &["target", "node_modules", "build", "__pycache__"];
const EXTENSIONS: &[&str] = &["rs", "py", "toml", "txt", "md"];

/// One line for each name that no file or folder has.
pub(crate) fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(workspace.path(DOCUMENT)).map_err(|e| format!("{DOCUMENT}: {e}"))?;
    let mut paths = Vec::new();
    visit(&workspace.root, "", &mut paths).map_err(|e| format!("looking for files: {e}"))?;
    let missing = names(&text).filter(|name| !paths.iter().any(|path| fits(path, name)));
    Ok(missing.map(|name| format!("{DOCUMENT} names `{name}`, which is not there")).collect())
}

/// What stands in backticks and is a path, without what a reader fills in (`<name>`) and the end of a folder's name.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted.filter(|name| is_path(name)).map(|name| {
        let fixed = name.split('<').next().unwrap_or(name);
        fixed.trim_end_matches('/')
    })
}

fn is_path(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-<>".contains(c));
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    let is_file = extension.is_some_and(|extension| EXTENSIONS.contains(&extension));
    plain && !name.starts_with('.') && (is_file || name.contains('/'))
}

/// A path may be shortened at its beginning.
fn fits(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Files and folders, relative to the root.
fn visit(root: &Path, below: &str, paths: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || PASSED_OVER.contains(&name.as_str()) {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            visit(root, &path, paths)?;
        }
        paths.push(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_backticks_are_found_whole_or_shortened() {
        let text = "open `core/src/lib.rs`, `retry.rs` or `cli/src/commands/<name>.rs`; `ArcSwap`, `now`, `read/write`\n";
        let found: Vec<_> = names(text).collect();
        assert_eq!(found, ["core/src/lib.rs", "retry.rs", "cli/src/commands", "read/write"]);
        assert!(fits("core/proto/src/retry.rs", "retry.rs"));
        assert!(!fits("core/proto/src/no_retry.rs", "retry.rs"));
    }
}
