//! The benchmarks, a file for each language, and what two of them need.

mod kotlin;
mod mobile;
mod python;
mod swift;

use super::cargo;
use crate::house::House;
use crate::run;

/// `cargo xtask bench [python|kotlin|swift] ..`; further words go to the benchmarks as they are.
pub(crate) fn bench(house: &House, rest: &[String]) -> bool {
    match rest {
        [word, rest @ ..] if word == "python" => python::run(house, rest),
        [word, rest @ ..] if word == "kotlin" => kotlin::run(house, rest),
        [word, rest @ ..] if word == "swift" => swift::run(house, rest),
        rest => rust(house, rest),
    }
}

fn rust(house: &House, rest: &[String]) -> bool {
    // The command's size is one of the figures.
    run::ok(cargo(house).args(["build", "--release", "-p", "rekindle-cli"]))
        && run::ok(cargo(house).args(["run", "--release", "-p", "rekindle-bench", "--"]).args(rest))
}
