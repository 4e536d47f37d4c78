//! The program that other languages start.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle-test-server"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn first_line(child: &mut Child) -> Value {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn it_says_where_it_is_and_ends_with_its_standard_input() {
    for arguments in [&[][..], &[r#"{"dialect": "graphql", "rotation": "strict"}"#]] {
        let mut child = start(arguments);
        let url = first_line(&mut child)["url"].as_str().unwrap().to_owned();
        assert!(std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).is_ok());
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_wrong_configuration_is_told_and_fails() {
    let output = start(&[r#"{"rotation": "often"}"#]).wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("often"));
}
