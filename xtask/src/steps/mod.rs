//! The steps of `cargo xtask test`, one file each. A new one is a file and a line in [`ALL`].

mod alerts;
mod deny;
mod docs;
mod drift;
mod go;
mod hosted;
mod javascript;
mod kotlin;
mod lint;
mod php;
mod python;
pub(crate) mod servers;
mod site;
mod swift;
mod targets;
mod tests;
mod toolbox;

pub(crate) use self::deny::DENY;
pub(crate) use self::go::{made as make_go, package as package_go};
pub(crate) use self::javascript::{made as make_javascript, package as package_javascript};
pub(crate) use self::kotlin::package as package_kotlin;
pub(crate) use self::php::{PhpBench, package as package_php};
pub(crate) use self::python::venv as python_venv;
pub(crate) use self::swift::{Toolchain, package as package_swift};
pub(crate) use self::toolbox::{Tool, apt};
use crate::report::{Count, Outcome};
use crate::workspace::Workspace;

/// A step adds the tests that it ran to the count, and says how it ended.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Workspace, &mut Count) -> Outcome,
}

/// In this order: what is quick to fail comes first.
pub(crate) const ALL: &[Step] = &[
    Step { name: "format", run: lint::format },
    Step { name: "clippy", run: lint::clippy },
    Step { name: "docs", run: docs::run },
    Step { name: "site", run: site::run },
    Step { name: "drift", run: drift::run },
    Step { name: "alerts", run: alerts::run },
    Step { name: "deny", run: deny::run },
    Step { name: "targets", run: targets::run },
    Step { name: "real servers", run: servers::run },
    Step { name: "tests", run: tests::run },
    Step { name: "python", run: python::run },
    Step { name: "kotlin", run: kotlin::run },
    Step { name: "swift", run: swift::run },
    Step { name: "javascript", run: javascript::run },
    Step { name: "hosted", run: hosted::run },
    Step { name: "go", run: go::run },
    Step { name: "php", run: php::run },
];
