//! What a server or a foreign file wrote is shown, and obeyed by no terminal (spec 9.7).

use serde_json::json;

use crate::world::World;

/// Clears the screen, writes the clipboard, overwrites the line, reverses the text; C1 forms too.
const EVIL: &str = "\u{1b}[2J\u{1b}]52;c;eA==\u{7}\rok\u{9b}1A\u{202e}txt\u{2066}\u{200b}";

#[track_caller]
fn assert_obeyed_by_none(text: &str) {
    let bad = |c: char| (c.is_control() && c != '\n') || ('\u{200b}'..='\u{206f}').contains(&c);
    assert!(!text.contains(bad), "{text:?}");
}

#[test]
fn a_scope_is_shown_and_not_obeyed() {
    let world = World::new();
    let tokens = world.server.sign_in();
    let scope = format!("read{}", EVIL.replace(['\u{1b}', '\u{7}', '\r', '\u{9b}'], ""));
    let given =
        json!({"access_token": tokens.access_token, "refresh_token": tokens.refresh_token, "scope": scope});
    assert_eq!(world.fed(&["import"], &given.to_string()).code, 0);
    for args in [&["status"][..], &["status", "--json"]] {
        let ran = world.run(args);
        assert_obeyed_by_none(&ran.out);
        assert!(ran.out.contains("read"), "{}", ran.out);
    }
    assert_eq!(world.run(&["status", "--json"]).json()["scope"], scope);
}

#[test]
fn the_names_of_a_foreign_file_are_shown_and_not_obeyed() {
    let world = World::new();
    let escaped: String = EVIL.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    for text in [
        format!("[profile.\"{escaped}\"]\ndialect = \"json\"\n"),
        format!(
            "[profile.\"{escaped}\"]\ndialect = \"json\"\n[profile.\"b{escaped}\"]\ndialect = \"json\"\n"
        ),
        format!("[profile.school]\ndialect = \"{escaped}\"\n"),
        format!("[profile.school]\ndialect = \"{escaped}.toml\"\n"),
        format!("[profile.school]\n\"{escaped}\" = 1\n"),
        format!("[profile.school]\ndialect = \"json\"\ntoken_url = \"https://{escaped}\"\n"),
        format!(
            "[profile.school]\ndialect = \"json\"\ntoken_url = \"https://a.test\"\nstore = \"{escaped}\"\n"
        ),
    ] {
        world.write("rekindle.toml", &text);
        for args in [&["trust"][..], &["status"], &["token"], &["trust", "--json"], &["token", "--json"]] {
            let ran = world.run(args);
            assert_obeyed_by_none(&ran.out);
            assert_obeyed_by_none(&ran.err);
        }
    }
}

#[test]
fn a_servers_message_is_shown_and_not_obeyed() {
    use rekindle_test_server::{Script, Step};
    let world = World::new();
    world.sign_in_expired();
    let answer = json!({"error": "invalid_grant", "error_description": EVIL, "message": EVIL});
    world.server.play(Script::new().step(Step::on("POST", "/refresh").json(400, answer)));
    for _ in 0..2 {
        for args in [&["request", "/data"][..], &["--json", "request", "/data"]] {
            let ran = world.run(args);
            assert_obeyed_by_none(&ran.err);
        }
    }
}
