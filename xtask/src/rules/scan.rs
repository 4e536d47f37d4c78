//! Finding the cases: a test names its rules in a comment or doc line (`spec 3.2, 4.1`), a conformance
//! case in `rules: ["3.2"]`.

use std::fs;
use std::path::Path;

use super::{Cases, Rule};

const PASSED_OVER: &[&str] = &["target", "node_modules", "xtask", "build", "__pycache__"];
const CODE: &[&str] = &["rs", "py", "kt", "swift", "sh", "bats"];

/// Every case below `root`, by the rules that it names.
pub(crate) fn find_cases(root: &Path) -> Result<Cases, String> {
    let mut cases = Cases::new();
    visit(root, root, &mut cases).map_err(|e| format!("looking for cases: {e}"))?;
    Ok(cases)
}

fn visit(root: &Path, folder: &Path, cases: &mut Cases) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            if !(name.starts_with('.') || PASSED_OVER.contains(&name.as_str())) {
                visit(root, &entry.path(), cases)?;
            }
        } else {
            let path = entry.path();
            let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            read(&path, &shown, cases);
        }
    }
    Ok(())
}

fn read(path: &Path, shown: &str, cases: &mut Cases) {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let text = || fs::read_to_string(path).unwrap_or_default();
    let found = match extension {
        "yaml" | "yml" => in_yaml(&text()),
        _ if CODE.contains(&extension) => in_code(&text(), is_test_file(shown)),
        _ => return,
    };
    for (rule, name) in found {
        let label = if name.is_empty() { shown.to_owned() } else { format!("{shown}: {name}") };
        cases.entry(rule).or_default().insert(label);
    }
}

fn is_test_file(shown: &str) -> bool {
    let file = shown.rsplit('/').next().unwrap_or_default();
    shown.split('/').any(|part| part == "tests" || part == "test" || part == "Tests")
        || file == "tests.rs"
        || file.starts_with("test_")
}

// In a source file only what follows `#[cfg(test)]` is a test; elsewhere a rule is merely explained.
fn in_code(text: &str, mut tests: bool) -> Vec<(Rule, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        tests |= line.trim() == "#[cfg(test)]";
        if tests {
            let name = || name_of(&lines, i);
            found.extend(rules_in_comment(line).into_iter().map(|rule| (rule, name())));
        }
    }
    found
}

/// `// spec 3.2, 4.1 and 4.10: ...` names three.
fn rules_in_comment(line: &str) -> Vec<Rule> {
    let Some(comment) = comment(line) else { return Vec::new() };
    let lower = comment.to_lowercase();
    let Some((_, list)) = lower.split_once("spec ") else { return Vec::new() };
    let words = list.split([' ', ',']).filter(|w| !w.is_empty() && *w != "and");
    words.map_while(|w| Rule::parse(w.trim_end_matches([':', '.', ';', ')', '`']))).collect()
}

fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let opens = ["//", "#", "*", "\"\"\""].iter().any(|mark| line.starts_with(mark));
    if opens && !line.starts_with("#[") { Some(line) } else { line.split_once(" // ").map(|(_, c)| c) }
}

/// The function that a comment stands above, else the one that it stands in, else the whole file.
fn name_of(lines: &[&str], at: usize) -> String {
    if lines[at].trim_start().starts_with("//!") {
        return String::new();
    }
    let above = lines[at..].iter().find(|l| !is_preamble(l)).and_then(|l| function(l));
    let inside = || lines[..at].iter().rev().find_map(|l| function(l));
    above.or_else(inside).unwrap_or_default().to_owned()
}

fn is_preamble(line: &str) -> bool {
    let line = line.trim_start();
    // Swift's attributes stand on the function's own line.
    let is_attribute = line.starts_with('@') && function(line).is_none();
    line.is_empty() || is_attribute || ["//", "#", "*", "/*"].iter().any(|mark| line.starts_with(mark))
}

fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    // Kotlin's names may be whole sentences between backticks.
    if let Some((_, name)) = line.split_once("fun `") {
        return name.split('`').next();
    }
    let mut words = line.split_whitespace();
    words.find(|w| matches!(*w, "fn" | "def" | "fun" | "func"))?;
    words.next()?.split(['(', '<']).next()
}

// Cases come one after the other, each with its `id` before its `rules`.
fn in_yaml(text: &str) -> Vec<(Rule, String)> {
    let mut found = Vec::new();
    let (mut id, mut in_rules) = (String::new(), false);
    for line in text.lines() {
        let line = line.trim().trim_start_matches("- ").trim();
        match line.split_once(':') {
            Some(("id", value)) => id = value.trim().trim_matches(['"', '\'']).to_owned(),
            Some((key, _)) => in_rules = key == "rules",
            None => {}
        }
        if in_rules {
            let list = line.strip_prefix("rules:").unwrap_or(line);
            let numbers = list.split([',', '[', ']', ' ']).map(|w| w.trim_matches(['"', '\'']));
            found.extend(numbers.filter_map(Rule::parse).map(|rule| (rule, id.clone())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: Vec<(Rule, String)>) -> Vec<String> {
        found.into_iter().map(|(rule, name)| format!("{rule} {name}")).collect()
    }

    #[test]
    fn a_comment_above_a_test_names_it() {
        let code = "/// Joins the flight (spec 3.2, 4.10 and 4.1).\n#[test]\nfn joins() {\n    // spec 1.1\n    x();\n}";
        assert_eq!(names(in_code(code, true)), ["3.2 joins", "4.10 joins", "4.1 joins", "1.1 joins"]);
    }

    #[test]
    fn a_comment_in_plain_source_is_no_case() {
        let code =
            "/// spec 3.2\nfn act() {}\n#[cfg(test)]\nmod tests {\n// spec 3.3\n#[test]\nfn acts() {}\n}";
        assert_eq!(names(in_code(code, false)), ["3.3 acts"]);
    }

    #[test]
    fn other_languages_name_their_functions_too() {
        assert_eq!(names(in_code("# spec 7.1\nasync def test_saves():", true)), ["7.1 test_saves"]);
        assert_eq!(names(in_code("// spec 7.1\n@Test\nfun `saves twice`() {", true)), ["7.1 saves twice"]);
        let swift = "func helper() {}\n// spec 7.1\n@Test func saves() throws {\n    x()\n}";
        assert_eq!(names(in_code(swift, true)), ["7.1 saves"]);
        assert_eq!(names(in_code("//! spec 7.1\n\nfn helper() {}", true)), ["7.1 "]);
    }

    #[test]
    fn text_that_only_looks_like_it_is_passed_over() {
        assert!(in_code("let x = \"spec 3.2\";\n// specific 3.2\n// spec of 3.2", true).is_empty());
    }

    #[test]
    fn conformance_cases_name_rules_in_either_form_of_a_list() {
        let yaml = "- id: one\n  rules: [\"3.2\", \"4.1\"]\n  expect: [\"9.9\"]\n- id: two\n  rules:\n    - \"5.1\"\n  steps: []";
        assert_eq!(names(in_yaml(yaml)), ["3.2 one", "4.1 one", "5.1 two"]);
    }
}
