//! `cargo xtask package command|crates|go|javascript|kotlin|php|python|swift`: what is handed out, made and tried as the tests try it.

use crate::report::Count;
use crate::workspace::Workspace;
use crate::{packages, steps};

pub(crate) fn package(workspace: &Workspace, what: &str) -> bool {
    let mut count = Count::default();
    let packed = match what {
        "command" => packages::command(workspace, &mut count),
        "crates" => packages::crates(workspace, &mut count),
        "python" => packages::wheels(workspace, &mut count),
        "kotlin" => steps::package_kotlin(workspace, &mut count),
        "go" => steps::package_go(workspace, &mut count),
        "javascript" => steps::package_javascript(workspace, &mut count),
        "php" => steps::package_php(workspace, &mut count),
        "swift" => steps::package_swift(workspace, &mut count),
        other => Err(format!(
            "there is no package for {other:?}: known are command, crates, go, javascript, kotlin, php, python, swift"
        )),
    };
    println!();
    match &packed {
        Ok(files) => files.iter().for_each(|file| println!("{}: {} bytes", file.display(), size(file))),
        Err(why) => eprintln!("{why}"),
    }
    println!("{} passed, {} failed", count.passed, count.failed);
    packed.is_ok() && count.failed == 0
}

fn size(file: &std::path::Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}
