//! What was measured, and with what.

const LOCK: &str = include_str!("../../Cargo.lock");

/// One line for under the table.
pub(crate) fn line() -> String {
    let crates = ["rekindle", "reqwest", "hyper", "tokio", "serde_json"];
    let crates: Vec<String> = crates.iter().map(|name| format!("{name} {}", version(name))).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{}; {}; {cores} cores, {} {}", crates.join(", "), rustc(), system.0, system.1)
}

fn version(name: &str) -> &'static str {
    let package = LOCK.split("[[package]]").find(|one| one.contains(&format!("name = \"{name}\"\n")));
    package.and_then(|one| one.split('"').nth(3)).unwrap_or("?")
}

fn rustc() -> String {
    let says = std::process::Command::new("rustc").arg("--version").output();
    let words = says.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    words.map_or_else(
        |_| "rustc ?".to_owned(),
        |words| words.split(" (").next().unwrap_or_default().to_owned(),
    )
}
