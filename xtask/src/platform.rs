//! The core touches the operating system in `core/src/platform` alone: everything else runs for any host.

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;

/// What belongs there.
const OF_THE_SYSTEM: &[&str] = &[
    "std::thread",
    "std::fs",
    "std::net",
    "std::process",
    "tokio::net",
    "tokio::spawn",
    "tokio::task::spawn_blocking",
    "tokio::time",
    "SystemTime::now",
    "Instant::now",
    "getrandom::",
    // Several of them in one `use` would pass unseen.
    "use std::{",
    "use tokio::{",
];

/// Lines outside of `core/src/platform` that name one of them; tests and comments aside.
pub(crate) fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for folder in ["core/src", "core/proto/src"] {
        look(workspace, &workspace.path(folder), &mut found)?;
    }
    Ok(found)
}

fn look(workspace: &Workspace, folder: &Path, found: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["platform", "tests"].contains(&name) {
                look(workspace, &path, found)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let shown = path.strip_prefix(&workspace.root).unwrap_or(&path).display().to_string();
            found.extend(in_text(&text).map(|(line, what)| {
                format!("{shown}:{line}: `{what}` belongs into core/src/platform: a host has none")
            }));
        }
    }
    Ok(())
}

/// Line and what it names, up to the tests at the end.
fn in_text(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let lines: Vec<_> = text.lines().collect();
    let tests = |pair: &[&str]| {
        pair[0].starts_with("#[cfg(")
            && pair[0].contains("test")
            && pair[1].contains("mod ")
            && pair[1].contains("{")
    };
    let end = lines.windows(2).position(tests).unwrap_or(lines.len());
    lines
        .into_iter()
        .take(end)
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(at, line)| {
            let named = OF_THE_SYSTEM.iter().find(|what| line.contains(**what));
            named.map(|what| (at + 1, *what))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_and_comments_and_tests_are_not() {
        let text = "// std::thread::spawn\nfn f() {\n    std::thread::spawn(g);\n}\n\
                    #[cfg(test)]\nmod tests { fn f() { std::fs::read(\"x\"); } }";
        assert_eq!(in_text(text).collect::<Vec<_>>(), [(3, "std::thread")]);
    }

    #[test]
    fn what_follows_the_name_of_a_tests_module_is_looked_at() {
        let text = "#[cfg(test)]\nmod tests;\n\nuse std::fs;\n\nfn f() {\n    fs::read(\"x\");\n}\n";
        assert_eq!(in_text(text).collect::<Vec<_>>(), [(4, "std::fs")]);
    }
}
