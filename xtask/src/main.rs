//! The words of the house. `cargo xtask` lists them.

mod bindings;
mod conformance;
mod house;
mod native;
mod report;
mod rules;
mod run;
mod steps;
mod venv;
mod words;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [--install]  every check and test; --install brings what is missing;
                              names of steps (kotlin, python, ..) for those alone
cargo xtask verify            drift of generated files, and rules without a case
cargo xtask gen               write the generated parts anew
cargo xtask bench             the benchmarks
cargo xtask bench python      the Python client beside its peers; --quick takes a third of the rounds
cargo xtask bench kotlin      correctness, speed and size of the Kotlin package, or those of them that are named
cargo xtask bench swift       correctness and speed of the Swift package, or that of them which is named
cargo xtask package kotlin    the jars as they are handed out, tried; `package swift`: the same for the Swift package
cargo xtask demo [...]        rekindle at work on loopback servers";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (word, rest) = args.split_first().map_or(("", &[][..]), |(w, rest)| (w.as_str(), rest));
    let ok = match (word, rest) {
        ("test", rest) if rest.first().is_some_and(|flag| flag == "--install") => {
            words::test(&house::House::new(true), &rest[1..])
        }
        ("test", rest) => words::test(&house::House::new(false), rest),
        ("verify", []) => words::verify(&house::House::new(false)),
        ("gen", []) => words::generate(&house::House::new(false)),
        ("bench", rest) => words::bench(&house::House::new(false), rest),
        ("package", [what]) => words::package(&house::House::new(false), what),
        ("demo", rest) => words::demo(&house::House::new(false), rest),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
