//! The cases that hold for adapters too, played through each: the adapter's real HTTP client sends the requests.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use libtest_mimic::{Arguments, Trial};
use rekindle_conformance::{Case, Suite, Through, run_through};

const CASES: &str = include_str!("../cases.json");

/// Cases that an adapter's HTTP client cannot play, each with the reason. They are played all the same, and must fail.
const CANNOT: &[(Through, &str, &str)] = &[
    (Through::Tower, "only-the-last-hop-is-replayed", NO_REDIRECTS),
    (Through::Tower, "redirect-303-post", NO_REDIRECTS),
    (Through::Tower, "redirect-302-post", NO_REDIRECTS),
    (Through::Tower, "redirect-307-post", NO_REDIRECTS),
    (Through::Tower, "redirect-308-put", NO_REDIRECTS),
    (Through::Tower, "own-header-of-a-dialect", NO_REDIRECTS),
    (Through::Tower, "rejected-by-one-origin-only", NO_REDIRECTS),
    (Through::Tower, "redirect-to-another-origin-and-back", NO_REDIRECTS),
    (Through::Tower, "json-token-expired", CLONES),
    (Through::Tower, "json-invalid-token", CLONES),
    (Through::Tower, "json-token-revoked", CLONES),
    (Through::Tower, "challenge-expired", CLONES),
    (Through::Tower, "challenge-revoked", CLONES),
    (Through::Tower, "challenge-invalid", CLONES),
    (Through::Tower, "challenge-unknown", CLONES),
    (Through::Tower, "body-that-can-be-read-once", CLONES),
];

const NO_REDIRECTS: &str = "hyper's client follows no redirects";
const CLONES: &str = "a tower service clones every body, so each can be sent twice";

fn main() {
    let cases: Suite = serde_json::from_str(CASES).unwrap();
    let cases = cases.cases.into_iter().filter(|case| case.adapters);
    let cases: Vec<Case> = cases.collect();
    let known: Vec<String> = cases.iter().map(|case| case.id.clone()).collect();
    let trials = cases.into_iter();
    let trials = trials.flat_map(|case| Through::ADAPTERS.map(|through| played(case.clone(), through)));
    let list = Trial::test("the_list_names_cases", move || {
        let bad = CANNOT.iter().find(|(_, id, why)| why.is_empty() || !known.iter().any(|known| known == id));
        bad.map_or(Ok(()), |(_, id, _)| Err(format!("`{id}` is no such case, or has no reason").into()))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.chain([list]).collect()).exit();
}

fn played(case: Case, through: Through) -> Trial {
    let cannot = CANNOT.iter().any(|(by, id, _)| *by == through && *id == case.id);
    let name = format!("{}::{}::{}", through.name(), case.topic, case.id);
    let name = if cannot { format!("{name}::cannot") } else { name };
    Trial::test(name, move || match (run_through(&case, through), cannot) {
        (Err(complaints), false) => Err(complaints.join("\n").into()),
        (Ok(()), true) => Err("it can be played: take it off the list".into()),
        _ => Ok(()),
    })
}
