//! Generated parts of the repository. A new one is a line in [`ALL`].

use std::fs;

use crate::workspace::Workspace;
use crate::{bindings, conformance, dialects, figures, header, public_api, rules};

/// A file that is written, wholly or in part, by `cargo xtask gen`.
struct Generated {
    path: &'static str,
    /// The text as it should be, given the text as it is.
    render: fn(&Workspace, &str) -> Result<String, String>,
}

const ALL: &[Generated] = &[
    Generated { path: "SPEC-CASES.md", render: rules::render_cases },
    Generated { path: "tests/conformance/cases.json", render: conformance::cases },
    Generated { path: "tests/conformance/must-fail.json", render: conformance::must_fail },
    Generated { path: figures::SESSION, render: figures::session },
    Generated { path: figures::FLIGHT, render: figures::flight },
    Generated { path: dialects::REFERENCE, render: dialects::render },
    Generated { path: header::HEADER, render: header::render },
    Generated { path: public_api::LIST, render: public_api::render },
    Generated { path: bindings::KOTLIN, render: bindings::kotlin },
    Generated { path: bindings::SWIFT, render: bindings::swift },
    Generated { path: bindings::SWIFT_HEADER, render: bindings::swift_header },
    Generated { path: bindings::SWIFT_MODULE, render: bindings::swift_module },
];

/// Writes what is stale, of the files whose path has one of the words; of all, where there are none.
pub(crate) fn generate(workspace: &Workspace, words: &[String]) -> bool {
    let is_meant = |one: &&Generated| words.is_empty() || words.iter().any(|word| one.path.contains(word));
    let written = ALL.iter().filter(is_meant).map(|g| write(workspace, g)).collect::<Result<Vec<()>, _>>();
    written.map_err(|why| eprintln!("{why}")).is_ok()
}

/// The files that are not as they would be written.
pub(crate) fn stale(workspace: &Workspace) -> Result<Vec<&'static str>, String> {
    let mut stale = Vec::new();
    for generated in ALL {
        let (is, should_be) = texts(workspace, generated)?;
        if is != should_be {
            stale.push(generated.path);
        }
    }
    Ok(stale)
}

fn write(workspace: &Workspace, generated: &Generated) -> Result<(), String> {
    let (is, should_be) = texts(workspace, generated)?;
    if is == should_be {
        return Ok(());
    }
    println!("written: {}", generated.path);
    if let Some(folder) = workspace.path(generated.path).parent() {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::write(workspace.path(generated.path), should_be).map_err(|e| format!("{}: {e}", generated.path))
}

fn texts(workspace: &Workspace, generated: &Generated) -> Result<(String, String), String> {
    // What is missing is written whole.
    let is = fs::read_to_string(workspace.path(generated.path)).unwrap_or_default();
    let should_be = (generated.render)(workspace, &is).map_err(|e| format!("{}: {e}", generated.path))?;
    Ok((is, should_be))
}
