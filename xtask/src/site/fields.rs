//! Each field of a profile stands on the page of the profiles.

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;

const PAGE: &str = "docs/src/profiles.md";
/// The command, in whose sources the fields are declared.
const SOURCES: &str = "cli/src";

/// The fields that the page does not name.
pub(super) fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let page = fs::read_to_string(workspace.path(PAGE)).map_err(|e| format!("{PAGE}: {e}"))?;
    let declared =
        declaration(&workspace.path(SOURCES))?.ok_or(format!("{SOURCES} declares no `struct Fields`"))?;
    let lost = names(&declared).filter(|name| !page.contains(&format!("`{name}`")));
    Ok(lost.map(|name| format!("{PAGE} does not name `{name}`")).collect())
}

/// What stands between the braces of `struct Fields`, in whichever file.
fn declaration(folder: &Path) -> Result<Option<String>, String> {
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?.flatten() {
        let path = entry.path();
        let found = if path.is_dir() {
            declaration(&path)?
        } else {
            let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            text.split("struct Fields {\n")
                .nth(1)
                .and_then(|rest| rest.split("\n}").next())
                .map(str::to_owned)
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn names(declaration: &str) -> impl Iterator<Item = &str> {
    declaration
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['/', '#']))
        .filter_map(|line| line.split_once(": ").map(|(name, _)| name.rsplit(' ').next().unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn fields_are_found_and_what_stands_around_them_is_not() {
        let declared = "    /// A: comment\n    #[serde(default, x = \"a: b\")]\n    pub(crate) store: Option<PathBuf>,\n    scope: Option<String>,";
        assert_eq!(names(declared).collect::<Vec<_>>(), ["store", "scope"]);
    }
}
