//! One server process: started, waited for, ended. Only ever by its own handle.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde::Deserialize;

// Django migrates its database first, Keycloak is a large program, and the machine may be busy with a build.
const READY_WITHIN: Duration = Duration::from_secs(300);
const GONE_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
}

impl Process {
    pub(crate) fn start(
        program: &Path,
        script: &Path,
        env: &[(&str, &str)],
    ) -> Result<(Self, String), String> {
        let name = script.display();
        let mut child = Command::new(program)
            .arg(script)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| {
                format!("{} did not start: {e}; see `cargo xtask test --install`", program.display())
            })?;
        let errors = drain(child.stderr.take());
        let first_line = first_line(&mut child);
        let process = Self { stdin: child.stdin.take(), child };
        let line = first_line
            .recv_timeout(READY_WITHIN)
            .map_err(|_| format!("{name} was not ready within {READY_WITHIN:?}"))?;
        let ready: Ready = serde_json::from_str(&line)
            .map_err(|_| format!("{name} ended before it was ready: {}", said(&errors)))?;
        Ok((process, ready.url))
    }
}

impl Drop for Process {
    // Closing standard input is the polite way (temporary files are removed); killing is the sure one.
    fn drop(&mut self) {
        drop(self.stdin.take());
        let deadline = Instant::now() + GONE_WITHIN;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn first_line(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = String::new();
            let _ = reader.read_line(&mut line);
            let _ = sender.send(line);
            // Read on, or a server that still prints would block on a full pipe.
            let _ = std::io::copy(&mut reader, &mut std::io::sink());
        });
    }
    receiver
}

fn drain(stderr: Option<ChildStderr>) -> Arc<Mutex<String>> {
    let said = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&said);
    std::thread::spawn(move || {
        let Some(mut stderr) = stderr else { return };
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = stderr.read(&mut chunk) {
            if let Ok(mut kept) = kept.lock() {
                kept.push_str(&String::from_utf8_lossy(&chunk[..n]));
            }
        }
    });
    said
}

fn said(errors: &Mutex<String>) -> String {
    // The pipe may still hold its last words.
    std::thread::sleep(Duration::from_millis(100));
    errors.lock().map(|text| text.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_early_gives_its_last_words() {
        let why = Process::start("sh".as_ref(), "no-such-script".as_ref(), &[]).unwrap_err();
        assert!(why.contains("ended before it was ready"), "{why}");
        assert!(why.contains("no-such-script"), "{why}");
    }
}
