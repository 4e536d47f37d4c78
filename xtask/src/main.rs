//! The commands of the workspace. `cargo xtask` lists them.

mod architecture;
mod bindings;
mod circles;
mod commands;
mod conformance;
mod dialects;
mod documents;
mod failures;
mod figures;
mod header;
mod native;
mod packages;
mod platform;
mod public_api;
mod report;
mod rules;
mod run;
mod site;
mod steps;
mod venv;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [--install]  every check and test; --install brings what is missing;
                              names of steps (kotlin, python, ..) for those alone
cargo xtask verify            drift of generated files, and rules without a case
cargo xtask gen               write the generated parts anew; with words, those whose path has one of them
cargo xtask docs              the documentation as pages, in target/docs-site
cargo xtask bench             the benchmarks
cargo xtask bench python      the Python client beside its peers; --quick takes a third of the rounds
cargo xtask bench go          the Go module beside net/http and golang.org/x/oauth2: speed, and where it is hard; --quick: a fifth of the time
cargo xtask bench javascript  the npm package beside its peers: speed, and where it is hard; --quick as above
cargo xtask bench kotlin      correctness, speed and size of the Kotlin package, or those of them that are named
cargo xtask bench php         the Composer package beside a middleware by hand: speed, and where it is hard; --quick: a tenth of the rounds
cargo xtask bench swift       correctness and speed of the Swift package, or that of them which is named
cargo xtask package kotlin    the jars as they are handed out, tried; `swift`, `javascript`, `go`, `php`: the same for those packages;
                              `python`: wheels for several systems; `command`: a static program and a Debian package; `crates`
cargo xtask demo [...]        rekindle at work on loopback servers";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = args.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let ok = match (command, rest) {
        ("test", rest) if rest.first().is_some_and(|flag| flag == "--install") => {
            commands::test(&workspace::Workspace::new(true), &rest[1..])
        }
        ("test", rest) => commands::test(&workspace::Workspace::new(false), rest),
        ("verify", []) => commands::verify(&workspace::Workspace::new(false)),
        ("gen", words) => commands::generate(&workspace::Workspace::new(false), words),
        ("docs", []) => commands::docs(&workspace::Workspace::new(true)),
        ("bench", rest) => commands::bench(&workspace::Workspace::new(false), rest),
        ("package", [what]) => commands::package(&workspace::Workspace::new(true), what),
        ("demo", rest) => commands::demo(&workspace::Workspace::new(false), rest),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
