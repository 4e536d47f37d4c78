//! Many processes, one credential; and signals.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::world::{Ran, World};

#[test]
fn twenty_processes_with_an_expired_token_make_one_refresh_and_get_twenty_answers() {
    let world = World::new();
    world.sign_in_expired();
    world.server.set_token_latency(Duration::from_millis(300));
    let children: Vec<Child> = (0..20).map(|_| world.start(&["request", "--fail", "/data"])).collect();
    for child in children {
        let ran = Ran::of(child);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.contains(r#""ok":true"#), "{}", ran.out);
    }
    let counters = world.server.counters();
    assert_eq!((counters.refresh_requests, counters.refreshes, counters.reuses_detected), (1, 1, 0));
    assert_eq!((counters.most_at_once, counters.accepted), (1, 20));
}

#[cfg(unix)]
#[test]
fn a_signal_during_a_refresh_loses_nothing() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let world = World::new();
        world.sign_in_expired();
        world.server.set_token_latency(Duration::from_secs(4));
        let child = world.start(&["request", "/data"]);
        world.until(|server| server.counters().refreshes_under_way == 1);
        send(&child, signal);
        let ran = Ran::of(child);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{}", ran.err);
        assert!(ran.err.contains("a refresh is in progress"), "{}", ran.err);
        // The next one finds what was granted; asking again with the old token would revoke everything.
        let next = world.run(&["request", "--fail", "/data"]);
        assert_eq!(next.code, 0, "{}", next.err);
        let counters = world.server.counters();
        assert_eq!(
            (counters.refresh_requests, counters.reuses_detected, counters.accepted),
            (1, 0, 1),
            "{signal}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once() {
    let world = World::new();
    world.sign_in_expired();
    world.server.set_token_latency(Duration::from_secs(20));
    let mut child = world.start(&["request", "/data"]);
    world.until(|server| server.counters().refreshes_under_way == 1);
    let begun = Instant::now();
    send(&child, "TERM");
    // The system may make one signal of two that come before the process looks.
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("a refresh is in progress"), "{said}");
    send(&child, "TERM");
    assert_eq!(Ran::of(child).code, 143);
    assert!(begun.elapsed() < Duration::from_secs(10), "it waited for the refresh: {:?}", begun.elapsed());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_command_that_waits_for_input() {
    let world = World::new();
    let mut child = world.command(&["import"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // More than a pipe holds: it is written once the command reads.
    input.write_all(&[b' '; 512 * 1024]).unwrap();
    send(&child, "TERM");
    assert_eq!(Ran::of(child).code, 143);
    drop(input);
}

#[cfg(unix)]
#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let world = World::new();
    let temp = world.path("temp");
    std::fs::create_dir(&temp).unwrap();
    let left = || std::fs::read_dir(&temp).unwrap().count();
    let child =
        world.command(&["demo", "--requests", "50000", "--concurrency", "20"]).env("TMPDIR", &temp).spawn();
    let child = child.unwrap();
    world.until(|_| left() > 0);
    send(&child, "TERM");
    assert_eq!(Ran::of(child).code, 143);
    assert_eq!(left(), 0, "the credential's folder is gone");
}

#[cfg(unix)]
fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
