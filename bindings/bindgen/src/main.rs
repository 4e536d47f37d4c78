//! `rekindle-bindgen LIBRARY CONFIG OUT`: writes the Kotlin and Swift sources of a built library below OUT.

use std::process::ExitCode;

use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, config, out] = arguments.as_slice() else {
        return complain("usage: rekindle-bindgen LIBRARY CONFIG OUT");
    };
    let languages = [(TargetLanguage::Kotlin, "kotlin"), (TargetLanguage::Swift, "swift")];
    for (language, folder) in languages {
        let options = GenerateOptions {
            languages: vec![language],
            source: library.into(),
            out_dir: format!("{out}/{folder}").into(),
            config_override: Some(config.into()),
            // What formatters make of it depends on whether they are there.
            format: false,
            ..GenerateOptions::default()
        };
        if let Err(why) = generate(options) {
            return complain(&format!("{folder}: {why:#}"));
        }
    }
    ExitCode::SUCCESS
}

#[allow(clippy::print_stderr, reason = "a program speaks to who runs it")]
fn complain(what: &str) -> ExitCode {
    eprintln!("{what}");
    ExitCode::FAILURE
}
