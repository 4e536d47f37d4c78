//! What a Rust file takes from which others of its crate. A name that a module only hands on (`pub use`) belongs to the
//! file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::tokens;
use super::{Imports, Sources};

/// `["session", "engine"]`; the root is empty.
type Module = Vec<String>;

pub(super) fn imports(sources: &Sources) -> Imports {
    let files = sources.0.iter().map(|(path, text)| (module(path), File::read(path, text))).collect();
    let files = Crate(files);
    files.0.iter().map(|(module, file)| (file.path.clone(), files.used_by(module, file))).collect()
}

fn module(path: &str) -> Module {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let mut module: Module = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

struct Crate(BTreeMap<Module, File>);

impl Crate {
    fn used_by(&self, module: &Module, file: &File) -> BTreeSet<String> {
        // What is handed on and used here too is taken like any other import.
        let both = file.handed_on.iter().filter(|(name, _)| file.words.contains(*name)).map(|(_, path)| path);
        let used = file.names.iter().chain(both).filter_map(|path| self.home(module, path, 0));
        used.filter(|home| !is_part_of(module, home)).map(|home| self.0[home].path.clone()).collect()
    }

    /// The module that defines what a path names, from within another; nothing for other crates.
    fn home(&self, from: &Module, path: &[String], depth: usize) -> Option<&Module> {
        let (mut at, mut rest) = self.begin(from, path)?;
        while let Some((first, further)) = rest.split_first() {
            let child: Module = at.iter().chain([first]).cloned().collect();
            if !self.0.contains_key(&child) {
                break;
            }
            (at, rest) = (child, further);
        }
        let (home, file) = self.0.get_key_value(&at)?;
        let handed = rest.first().and_then(|item| file.handed_on.get(item)).filter(|_| depth < 8);
        match handed {
            Some(further) => self.home(&at, further, depth + 1),
            None => Some(home),
        }
    }

    fn begin<'p>(&self, from: &Module, path: &'p [String]) -> Option<(Module, &'p [String])> {
        let (first, mut rest) = path.split_first()?;
        let mut at = from.clone();
        match first.as_str() {
            "crate" => Some((Module::new(), rest)),
            "self" => Some((at, rest)),
            "super" => {
                at.pop()?;
                while let Some((_, further)) = rest.split_first().filter(|(next, _)| *next == "super") {
                    at.pop()?;
                    rest = further;
                }
                Some((at, rest))
            }
            child => {
                at.push(child.to_owned());
                self.0.contains_key(&at).then_some((at, rest))
            }
        }
    }
}

/// A child implements its parent's types, and sees all of it. Of the root, only the root's own file is a part.
fn is_part_of(module: &Module, home: &Module) -> bool {
    module == home || !home.is_empty() && module.starts_with(home)
}

#[derive(Default)]
struct File {
    path: String,
    /// The paths that it names, in `use` and elsewhere.
    names: Vec<Module>,
    /// What it hands on: the name, and the path.
    handed_on: BTreeMap<String, Module>,
    /// The words of its code, `use` aside.
    words: BTreeSet<String>,
}

impl File {
    fn read(path: &str, text: &str) -> Self {
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        let tokens = tokens(text);
        let mut at = 0;
        while at < tokens.len() {
            at += match tokens[at].as_str() {
                "use" => file.read_use(&tokens, at),
                _ => file.read_code(&tokens, at),
            };
        }
        file
    }

    /// How many tokens it took.
    fn read_use(&mut self, tokens: &[String], at: usize) -> usize {
        let length = tokens[at..].iter().position(|token| token == ";").unwrap_or(tokens.len() - at);
        let mut paths = Vec::new();
        flat(&mut tokens[at + 1..at + length].iter().peekable(), &Module::new(), &mut paths);
        if is_public(&tokens[..at]) {
            self.handed_on.extend(paths);
        } else {
            self.names.extend(paths.into_iter().map(|(_, path)| path));
        }
        length
    }

    fn read_code(&mut self, tokens: &[String], at: usize) -> usize {
        self.words.insert(tokens[at].clone());
        let separated = |from: usize| tokens.get(from).is_some_and(|token| token == "::");
        if at > 0 && separated(at - 1) || !separated(at + 1) {
            return 1;
        }
        let mut path = vec![tokens[at].clone()];
        let mut next = at + 1;
        while separated(next) && next + 1 < tokens.len() {
            path.push(tokens[next + 1].clone());
            next += 2;
        }
        self.names.push(path);
        1
    }
}

/// Each name of a `use` with its whole path.
fn flat<'t>(
    tokens: &mut std::iter::Peekable<impl Iterator<Item = &'t String>>,
    prefix: &Module,
    found: &mut Vec<(String, Module)>,
) {
    let mut path = prefix.clone();
    let mut renamed = None;
    while let Some(token) = tokens.next() {
        match token.as_str() {
            "::" => {}
            "{" => {
                flat(tokens, &path, found);
                path.clear();
            }
            "as" => renamed = tokens.next().cloned(),
            "," | "}" => {
                end(&path, renamed.take(), found);
                path.clone_from(prefix);
                if token == "}" {
                    return;
                }
            }
            word => path.push(word.to_owned()),
        }
    }
    end(&path, renamed, found);
}

fn end(path: &Module, renamed: Option<String>, found: &mut Vec<(String, Module)>) {
    let whole = match path.split_last() {
        Some((last, rest)) if last == "self" && !rest.is_empty() => rest.to_vec(),
        Some(_) => path.clone(),
        None => return,
    };
    let name = renamed.or_else(|| whole.last().cloned()).unwrap_or_default();
    found.push((name, whole));
}

fn is_public(before: &[String]) -> bool {
    match before.last().map(String::as_str) {
        Some("pub") => true,
        Some(")") => before.iter().rev().take(5).any(|token| token == "pub"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Vec<String> {
        let sources = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let imports = imports(&Sources(sources.collect()));
        let pairs =
            imports.iter().flat_map(|(file, used)| used.iter().map(move |other| format!("{file} {other}")));
        pairs.collect()
    }

    #[test]
    fn imports_are_found_however_they_are_written() {
        let a = "use crate::b::{self, B as C, d::{E, f}};\nfn g() { super::h::x(); crate::i::J::k() }";
        let files = [("a.rs", a), ("b/mod.rs", ""), ("b/d.rs", ""), ("h.rs", ""), ("i.rs", "")];
        assert_eq!(of(&files), ["a.rs b/d.rs", "a.rs b/mod.rs", "a.rs h.rs", "a.rs i.rs"]);
    }

    #[test]
    fn a_name_belongs_to_the_file_that_defines_it() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub use a::A;"),
            ("a/mod.rs", "mod c;\npub(crate) use c::A;"),
            ("a/c.rs", ""),
            ("b.rs", "use crate::A;"),
        ];
        assert_eq!(of(&files), ["b.rs a/c.rs"]);
    }

    #[test]
    fn what_is_handed_on_and_used_is_an_import_too() {
        let files = [("a/mod.rs", "pub use c::A;\nfn f(a: A) {}"), ("a/c.rs", "")];
        assert_eq!(of(&files), ["a/mod.rs a/c.rs"]);
    }

    #[test]
    fn a_child_takes_what_it_likes_from_its_parents() {
        let files = [("a/mod.rs", ""), ("a/b.rs", "use super::A;"), ("a/b/c.rs", "use crate::a::A;")];
        assert!(of(&files).is_empty());
    }
}
