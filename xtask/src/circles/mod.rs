//! No circles among the files of a package: a file that imports another is never imported by it, over however many
//! others. A child module that only implements its parent's type is none: its parent takes nothing from it.

mod python;
mod rust;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

const RUST: &[&str] = &[
    "core/proto/src",
    "core/src",
    "bindings/shared/src",
    "bindings/hosted/src",
    "bindings/uniffi/src",
    "python/src",
    "cli/src",
    "xtask/src",
];
const PYTHON: &[&str] = &["python/python/rekindle"];

/// Each file's imports, by paths that are relative to the package.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// One line for each circle, with the files in it.
pub(crate) fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for (folders, extension, imports) in
        [(RUST, "rs", rust::imports as fn(&Sources) -> Imports), (PYTHON, "py", python::imports)]
    {
        for folder in folders {
            let sources = Sources::read(&workspace.path(folder), extension)?;
            found.extend(circles(&imports(&sources)).iter().map(|circle| shown(folder, circle)));
        }
    }
    Ok(found)
}

fn shown(folder: &str, circle: &[String]) -> String {
    let files = circle.join(" -> ");
    format!("{folder}: files import each other in a circle: {files} -> {}", circle[0])
}

/// The text of each file of a package, tests aside.
#[derive(Default)]
struct Sources(BTreeMap<String, String>);

impl Sources {
    fn read(folder: &Path, extension: &str) -> Result<Self, String> {
        let mut sources = Self::default();
        sources.visit(folder, folder, extension).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(sources)
    }

    fn visit(&mut self, root: &Path, folder: &Path, extension: &str) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path: PathBuf = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if name != "tests" {
                    self.visit(root, &path, extension)?;
                }
            } else if path.extension().is_some_and(|found| found == extension) && name != "tests.rs" {
                let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                self.0.insert(shown, fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }
}

/// A shortest circle through each file that is in one; each file is named once.
fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let mut named = BTreeSet::new();
    let mut found = Vec::new();
    for file in imports.keys() {
        if named.contains(file) {
            continue;
        }
        if let Some(circle) = way_back(imports, file) {
            named.extend(circle.iter().cloned());
            found.push(circle);
        }
    }
    found
}

/// The files on the shortest way from `file` back to itself.
fn way_back(imports: &Imports, file: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![file.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way.last().cloned().unwrap_or_default();
            for next in imports.get(&last).into_iter().flatten() {
                if next == file {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way.iter().chain([next]).cloned().collect());
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &[&str])]) -> Imports {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        pairs.iter().map(|(file, names)| ((*file).to_owned(), owned(names))).collect()
    }

    #[test]
    fn a_circle_is_found_over_any_number_of_files() {
        let imports = of(&[("a", &["b"]), ("b", &["c", "d"]), ("c", &["a"]), ("d", &[])]);
        assert_eq!(circles(&imports), [["a", "b", "c"]]);
        assert_eq!(
            shown("src", &circles(&imports)[0]),
            "src: files import each other in a circle: a -> b -> c -> a"
        );
    }

    #[test]
    fn files_that_share_an_import_are_none() {
        let imports = of(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]);
        assert!(circles(&imports).is_empty());
    }

    #[test]
    fn no_files_of_ours_are_in_one() {
        assert_eq!(problems(&Workspace::new(false)), Ok(Vec::new()));
    }
}
