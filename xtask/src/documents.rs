//! Every file that a document names is there: whoever follows ARCHITECTURE.md with an editor gets where it leads.

use std::fs;
use std::path::Path;

use crate::run;
use crate::workspace::Workspace;

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "RELEASING.md",
    "bindings/go/README.md",
    "bindings/hosted/ABI.md",
    "bindings/javascript/README.md",
    "bindings/kotlin/README.md",
    "bindings/php/README.md",
    "bindings/swift/README.md",
    "python/docs/other-clients.md",
];

/// How the names of our sources end.
const SOURCES: &[&str] = &[".rs", ".toml", ".py", ".kt", ".swift", ".ts", ".go", ".yaml"];

/// What a user has, or writes, and the repository does not.
const OF_USERS: &[&str] = &["rekindle.toml", "./rekindle.toml", "build.gradle.kts", "Package.swift"];

/// Files and links that lead nowhere.
pub(crate) fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let root = workspace.root.to_string_lossy();
    let tracked =
        run::says("git", &["-C", &root, "ls-files"]).ok_or("git lists no files: is this a checkout?")?;
    let tracked: Vec<&str> = tracked.lines().collect();
    let mut found = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(workspace.path(document)).map_err(|e| format!("{document}: {e}"))?;
        let folder = Path::new(document).parent().unwrap_or(Path::new(""));
        let lost = sources(&text).filter(|name| !is_tracked(&tracked, name));
        found.extend(lost.map(|name| format!("{document} names `{name}`, which is no file")));
        let lost = links(&text).filter(|link| !workspace.root.join(folder).join(link).exists());
        found.extend(lost.map(|link| format!("{document} links to {link}, which is no file")));
    }
    Ok(found)
}

/// A whole path, or the end of one.
fn is_tracked(tracked: &[&str], name: &str) -> bool {
    tracked
        .iter()
        .any(|path| path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/')))
}

/// What stands between single backticks and ends as a source's name does.
fn sources(text: &str) -> impl Iterator<Item = &str> {
    text.split("```")
        .step_by(2)
        .flat_map(|prose| prose.split('`').skip(1).step_by(2))
        .filter(|code| SOURCES.iter().any(|end| code.len() > end.len() && code.ends_with(end)))
        .filter(|code| !code.contains(['<', '*', ' ', '(']) && !OF_USERS.contains(code))
}

/// Where links lead within the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|link| !link.is_empty() && !link.contains("://") && !link.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::{is_tracked, links, sources};

    #[test]
    fn names_of_sources_are_found_in_prose_and_not_in_code_blocks() {
        let text = "see `a/b.rs`, `c.toml` and `fn x()`, `<vendor>.toml`\n```\n`d.rs`\n```\n`e.py`";
        assert_eq!(sources(text).collect::<Vec<_>>(), ["a/b.rs", "c.toml", "e.py"]);
    }

    #[test]
    fn a_file_is_named_by_the_end_of_its_path() {
        let tracked = ["core/src/lib.rs", "README.md"];
        assert!(is_tracked(&tracked, "src/lib.rs") && is_tracked(&tracked, "core/src/lib.rs"));
        assert!(!is_tracked(&tracked, "b.rs") && !is_tracked(&tracked, "main.rs"));
    }

    #[test]
    fn links_out_of_the_repository_are_left_alone() {
        let text = "[a](SPEC.md#3) [b](https://example.com/x.md) [c](docs/guide.md)";
        assert_eq!(links(text).collect::<Vec<_>>(), ["SPEC.md", "docs/guide.md"]);
    }
}
