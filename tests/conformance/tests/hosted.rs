//! The same cases, with the core driven by a host: no thread of its own, and time is an argument of each turn.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use libtest_mimic::{Arguments, Trial};
use rekindle_conformance::{Driven, Suite, run_driven};

const CASES: &str = include_str!("../cases.json");

fn main() {
    let cases: Suite = serde_json::from_str(CASES).unwrap();
    let trials = cases.cases.into_iter().map(|case| {
        let name = format!("hosted::{}::{}", case.topic, case.id);
        Trial::test(name, move || {
            run_driven(&case, Driven::ByHost).map_err(|complaints| complaints.join("\n").into())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
