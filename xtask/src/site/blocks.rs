//! Code on a page is a part of a program that the tests run or compile, never typed into the page.

use std::fs;

use crate::workspace::Workspace;

/// What the tests run or compile.
const TRIED: &[&str] = &[
    "README.md",
    "examples/",
    // Of `docs`.
    "programs/",
    "python/docs/guide.md",
    "python/tests/celery_app.py",
    "bindings/go/test/",
    "bindings/kotlin/adapters/compare/",
];

/// The blocks of all pages that are not so.
pub(super) fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut folders = vec![workspace.path("docs/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?.flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "repository") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                let name = path.strip_prefix(&workspace.root).unwrap_or(&path).display();
                found.extend(untried(&text).map(|line| format!("{name}: {line}")));
            }
        }
    }
    Ok(found)
}

/// A line in a block of code that is not included from where it is tried. Output is marked as `text`.
fn untried(text: &str) -> impl Iterator<Item = String> {
    text.split("\n```").skip(1).step_by(2).filter_map(|block| {
        let (language, lines) = block.split_once('\n')?;
        (language.trim() != "text").then_some(lines)
    }).flat_map(str::lines).filter(|line| !line.trim().is_empty()).filter_map(|line| {
        let Some(file) = line.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) else {
            return Some(format!("{line:?} is typed into the page: include it from a program that is tried, or mark it as text"));
        };
        let file = file.trim_start_matches("../");
        (!TRIED.iter().any(|tried| file.starts_with(tried))).then(|| format!("{file} is not run or compiled by the tests"))
    })
}

#[cfg(test)]
mod tests {
    use super::untried;

    #[test]
    fn code_is_included_from_what_is_tried_and_output_is_text() {
        let page = "a\n\n```python\n{{#include ../../examples/python/oauth.py:begin}}\n```\n\n```text\n{\"a\": 1}\n```\n";
        assert_eq!(untried(page).count(), 0);
    }

    #[test]
    fn typed_code_and_untried_files_are_named() {
        let page = "a\n\n```python\nprint(1)\n```\n\n```rust\n{{#include ../../core/src/lib.rs}}\n```\n";
        assert_eq!(untried(page).count(), 2);
    }
}
