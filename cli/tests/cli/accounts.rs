//! `rekindle accounts`.

use serde_json::json;

use crate::world::{SENTINEL, World};

fn several(world: &World) {
    let url = world.server.base_url();
    let profile = |name: &str, more: &str| {
        format!(
            "[profile.{name}]\ndialect = \"json\"\nbase_url = \"{url}\"\ntoken_url = \"{url}/refresh\"\n\
             client_id = \"app\"\n{more}\n"
        )
    };
    let secret = format!("client_secret = \"{SENTINEL}client-secret\"\n");
    let school =
        profile("school", &format!("{secret}store = \"session.json\"\nrotation = \"strict-family\""));
    let broken = profile("broken", "client_secret_env = \"REKINDLE_IS_NOT_SET\"");
    world.configure(&format!("{school}{broken}{}", profile("unused", &secret)));
}

fn import(world: &World) {
    let tokens = serde_json::to_string(&world.server.sign_in()).unwrap();
    let ran = world.fed(&["import", "--profile", "school"], &tokens);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn each_profile_is_listed_with_its_standing() {
    let world = World::new();
    several(&world);
    import(&world);
    let ran = world.run(&["accounts", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let accounts = ran.json();
    let names: Vec<_> = accounts.as_array().unwrap().iter().map(|one| one["profile"].clone()).collect();
    assert_eq!(names, ["broken", "school", "unused"]);
    assert!(accounts[0]["error"].as_str().unwrap().contains("client_secret_env"), "{accounts}");
    assert_eq!(accounts[0]["standing"], json!(null));
    assert_eq!((&accounts[1]["standing"], &accounts[1]["valid"]), (&json!("active"), &json!(true)));
    assert!(accounts[1]["expires_at"].is_string() && accounts[1]["refreshable"] == true, "{accounts}");
    assert_ne!(accounts[2]["standing"], "active");
    assert_eq!(accounts[2]["valid"], false);
    let text = world.run(&["accounts"]);
    let lines: Vec<_> = text.out.lines().collect();
    assert_eq!((text.code, lines.len()), (0, 3), "{}", text.out);
    assert!(lines[0].starts_with("broken  cannot be used: "), "{}", text.out);
    assert!(lines[1].starts_with("school  active, access token until 2"), "{}", text.out);
    for ran in [&ran, &text] {
        assert!(!ran.out.contains(SENTINEL) && !ran.err.contains(SENTINEL), "{}", ran.out);
    }
    assert_eq!(world.server.log().len(), 0, "nothing is asked for it");
}

#[test]
fn a_profile_that_was_signed_out_says_so() {
    let world = World::new();
    several(&world);
    import(&world);
    assert_eq!(world.run(&["sign-out", "--profile", "school"]).code, 0);
    assert_eq!(world.run(&["accounts", "--json"]).json()[1]["standing"], "signed_out");
}

#[test]
fn a_file_without_consent_lists_nothing() {
    let world = World::new();
    several(&world);
    world.run(&["trust", "--revoke"]);
    let ran = world.run(&["accounts"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("rekindle trust"), "{}", ran.err);
}
