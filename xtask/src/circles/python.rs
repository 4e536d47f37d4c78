//! What a Python module takes from which others of its package, also inside functions and for types alone.

use std::collections::BTreeSet;

use super::{Imports, Sources};

pub(super) fn imports(sources: &Sources) -> Imports {
    let of = |path: &String, text: &String| {
        let lines = logical_lines(text);
        let used = named(&lines).filter_map(|name| file(sources, &name));
        (path.clone(), used.filter(|used| used != path).collect::<BTreeSet<_>>())
    };
    // The package's face hands names on and defines nothing.
    let inner = sources.0.iter().filter(|(path, _)| !path.ends_with("__init__.py"));
    inner.map(|(path, text)| of(path, text)).collect()
}

fn file(sources: &Sources, name: &str) -> Option<String> {
    let path = format!("{name}.py");
    sources.0.contains_key(&path).then_some(path)
}

/// The modules that are named in `from .a import b`, `from . import a` and `from rekindle.a import b`.
fn named(lines: &[String]) -> impl Iterator<Item = String> {
    lines.iter().filter_map(|line| line.trim().strip_prefix("from ")?.split_once(" import ")).flat_map(
        |(from, names)| {
            let inside =
                from.strip_prefix("rekindle").filter(|rest| rest.is_empty() || rest.starts_with('.'));
            match inside.or_else(|| from.strip_prefix('.').map(|_| from)) {
                Some("" | ".") => {
                    let names = names.trim_matches(['(', ')']).split(',');
                    names.filter_map(|name| name.split_whitespace().next().map(str::to_owned)).collect()
                }
                Some(module) => vec![module.trim_start_matches('.').replace('.', "/")],
                None => Vec::new(),
            }
        },
    )
}

/// Lines, an import's parentheses on one.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if open => last.push_str(line),
            _ => lines.push(line.to_owned()),
        }
        let begins =
            lines.last().is_some_and(|last| last.trim_start().starts_with("from ") && last.contains('('));
        open = begins && !line.contains(')');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_wherever_they_stand() {
        let a = "from . import _b, _c as c\nfrom ._d import (\n    x,\n    y,\n)\nimport os\n\
                 if TYPE_CHECKING:\n    from rekindle._e import Z\n\ndef f():\n    from .g import h\n";
        let all = ["_a.py", "_b.py", "_c.py", "_d.py", "_e.py", "g.py"];
        let mut sources = Sources::default();
        sources.0.extend(all.map(|path| (path.to_owned(), if path == "_a.py" { a } else { "" }.to_owned())));
        let used: Vec<_> = imports(&sources)["_a.py"].iter().cloned().collect();
        assert_eq!(used, &all[1..]);
    }
}
