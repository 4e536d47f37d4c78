//! The page of the four programs, each in every language.

use std::fmt::Write as _;

/// A language, and where its programs are: `{}` is the name of one.
struct Language {
    name: &'static str,
    code: &'static str,
    path: &'static str,
    /// How names are written there.
    spelled: fn(&str) -> String,
}

const LANGUAGES: [Language; 8] = [
    Language { name: "bash", code: "bash", path: "examples/bash/{}.sh", spelled: plain },
    Language { name: "Python", code: "python", path: "examples/python/{}.py", spelled: plain },
    Language { name: "JavaScript", code: "javascript", path: "examples/javascript/{}.mjs", spelled: plain },
    Language { name: "Rust", code: "rust", path: "examples/rust/{}.rs", spelled: plain },
    Language { name: "Go", code: "go", path: "examples/go/{}/main.go", spelled: plain },
    Language { name: "PHP", code: "php", path: "examples/php/{}.php", spelled: plain },
    Language {
        name: "Kotlin",
        code: "kotlin",
        path: "examples/kotlin/src/main/kotlin/{}.kt",
        spelled: in_kotlin,
    },
    Language { name: "Swift", code: "swift", path: "examples/swift/Sources/{}/main.swift", spelled: plain },
];

const PROGRAMS: [(&str, &str); 4] = [
    ("rest_json", "A REST API that answers `401 {\"error\": \"token_expired\"}`"),
    ("authenticated_fetch", "A fetch that is still signed in after a restart, or says where to sign in"),
    ("oauth", "OAuth 2.0"),
    ("graphql", "GraphQL that answers `UNAUTHENTICATED`, and is refreshed by a mutation"),
];

pub(super) fn page() -> String {
    let mut page = "# The four programs\n\nWhat is usually written by hand around an API whose tokens expire, without the hand-written part. \
        The tests run each of them with an expired token, on a server that revokes everything when a refresh token comes twice.\n"
        .to_owned();
    for (program, title) in PROGRAMS {
        // Writing into a string cannot fail.
        let _ = write!(page, "\n## {title}\n\n<div class=\"tabs\">\n");
        for (at, language) in LANGUAGES.iter().enumerate() {
            let id = format!("{program}-{at}");
            let checked = if at == 0 { " checked" } else { "" };
            let _ = writeln!(
                page,
                "<input type=\"radio\" name=\"{program}\" id=\"{id}\"{checked}><label for=\"{id}\">{}</label>",
                language.name
            );
        }
        for language in &LANGUAGES {
            let file = language.path.replace("{}", &(language.spelled)(program));
            let _ = write!(
                page,
                "<div class=\"tab\">\n\n```{}\n{{{{#include ../../../{file}}}}}\n```\n\n</div>\n",
                language.code
            );
        }
        page.push_str("</div>\n");
    }
    page
}

fn plain(name: &str) -> String {
    name.to_owned()
}

fn in_kotlin(name: &str) -> String {
    match name {
        "graphql" => "GraphQL".to_owned(),
        "oauth" => "OAuth".to_owned(),
        name => name.split('_').map(capitalized).collect(),
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
