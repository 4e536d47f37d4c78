//! Running other programs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Runs it where its output is of no further interest.
pub(crate) fn ok(command: &mut Command) -> bool {
    announce(command);
    match command.status() {
        Ok(status) => status.success(),
        Err(e) => {
            eprintln!("{}: {e}", command.get_program().display());
            false
        }
    }
}

/// Whether it runs at all; silent.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    let quiet = |c: &mut Command| c.stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet(Command::new(program).args(args)).is_ok_and(|status| status.success())
}

/// What it says on standard output; nothing if it fails.
pub(crate) fn says(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Shows its output as it comes, and hands each line of it to `see`.
pub(crate) fn watched(command: &mut Command, mut see: impl FnMut(&str)) -> bool {
    announce(command);
    let Ok(mut child) = command.stdout(Stdio::piped()).spawn() else {
        eprintln!("{} did not start", command.get_program().display());
        return false;
    };
    // By bytes: a test may print what is no UTF-8, and that must not end the reading.
    let lines = child.stdout.take().map(|out| BufReader::new(out).split(b'\n'));
    for line in lines.into_iter().flatten().map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        see(&line);
    }
    child.wait().is_ok_and(|status| status.success())
}

fn announce(command: &Command) {
    let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
    let program = std::path::Path::new(command.get_program());
    println!("$ {} {}", program.file_name().unwrap_or_default().display(), args.join(" "));
}
