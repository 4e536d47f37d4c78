//! A profile file that was only found may be somebody else's (spec 9.6).

use crate::world::{Ran, World};

#[track_caller]
fn refused(ran: &Ran, parts: &[&str]) {
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    for part in parts {
        assert!(ran.err.contains(part), "{part} is not in: {}", ran.err);
    }
}

fn profile(world: &World) -> String {
    std::fs::read_to_string(world.path("rekindle.toml")).unwrap()
}

#[test]
fn a_file_that_was_found_is_used_after_consent_to_its_content() {
    let world = World::new();
    world.sign_in();
    let changed = profile(&world) + "origins = [\"https://attacker.test\"]\n";
    world.write("rekindle.toml", &changed);
    for args in [&["token"][..], &["status"], &["request", "/data"], &["sign-out"], &["import"]] {
        refused(&world.run(args), &["rekindle.toml", "not trusted", "rekindle trust"]);
    }
    assert_eq!(world.server.log().len(), 0);
    let trusted = world.run(&["trust"]);
    assert_eq!(trusted.code, 0, "{}", trusted.err);
    assert!(trusted.out.contains("https://attacker.test"), "it shows what is consented to: {}", trusted.out);
    assert_eq!(world.run(&["status"]).code, 0);
    // The same content elsewhere is another file.
    let other = World::new();
    other.write("rekindle.toml", &changed);
    refused(&other.run(&["status"]), &["not trusted"]);
}

#[test]
fn consent_is_taken_back() {
    let world = World::new();
    assert_eq!(world.run(&["status"]).code, 0);
    assert_eq!(world.run(&["trust", "--revoke"]).code, 0);
    refused(&world.run(&["status"]), &["not trusted"]);
}

#[test]
fn a_file_that_is_named_needs_no_consent() {
    let world = World::new();
    world.run(&["trust", "--revoke"]);
    assert_eq!(world.run(&["status", "--config", "rekindle.toml"]).code, 0);
}

#[test]
fn a_file_that_was_found_gets_at_nothing_outside_of_its_folder() {
    let victim = World::new();
    victim.sign_in();
    let world = World::new();
    let text = profile(&world);
    let theirs = victim.path("session.json");
    let theirs = theirs.to_str().unwrap();
    for store in [theirs, "../session.json", "a/../../session.json"] {
        world.configure(&text.replace("\"session.json\"", &format!("{store:?}")));
        refused(&world.run(&["token"]), &["`profile.school.store`", "outside of the folder", "--config"]);
    }
    std::fs::write(victim.path("key.pem"), "").unwrap();
    let key = victim.path("key.pem");
    let files = ["root_certificates", "client_certificate", "client_certificate_key"];
    for field in ["client_key", "dpop_key"].into_iter().chain(files) {
        world.configure(&format!("{text}{field} = {key:?}\n"));
        refused(&world.run(&["token"]), &[&format!("`profile.school.{field}`"), "outside of the folder"]);
    }
    victim.write("acme.toml", "rotation = \"strict\"\n");
    let dialect = victim.path("acme.toml");
    world.configure(&text.replace("dialect = \"json\"", &format!("dialect = {dialect:?}")));
    refused(&world.run(&["token"]), &["`profile.school.dialect`", "outside of the folder"]);
}

/// A pull of the folder may bring another authority, which then signs for any server.
#[test]
fn certificates_that_a_found_file_names_are_used_as_they_were_consented_to() {
    let world = World::new();
    let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem();
    world.write("ca.pem", &made("a.test"));
    world.configure(&(profile(&world) + "root_certificates = \"ca.pem\"\n"));
    let trusted = world.run(&["trust"]);
    assert!(trusted.code == 0 && trusted.out.contains("ca.pem"), "{}{}", trusted.out, trusted.err);
    assert_eq!(world.run(&["status"]).code, 0);
    let other = made("b.test");
    world.write("ca.pem", &other);
    refused(&world.run(&["token"]), &["`profile.school.root_certificates`", "not trusted", "rekindle trust"]);
    // Named by the user.
    world.write("mine.pem", &other);
    let named = world.run(&["curl", "--cacert", "mine.pem", "/data"]);
    assert!(!named.err.contains("not trusted"), "{}", named.err);
    #[cfg(unix)]
    {
        let writable = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(world.path("ca.pem"), writable).unwrap();
        refused(&world.run(&["trust"]), &["ca.pem", "writable by other users"]);
    }
}

#[test]
fn a_file_that_was_found_gets_at_no_variable_but_rekindles() {
    let world = World::new();
    let text = profile(&world);
    world.configure(
        &text.replace("client_secret = \"sentinel-client-secret\"", "client_secret_env = \"GITHUB_TOKEN\""),
    );
    let output = world.command(&["token"]).env("GITHUB_TOKEN", "sentinel-github").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("`profile.school.client_secret_env`") && told.contains("REKINDLE_"), "{told}");
    assert!(!told.contains("sentinel-github"));
}

#[cfg(unix)]
#[test]
fn a_store_that_is_a_link_to_another_folder_is_refused() {
    let victim = World::new();
    victim.sign_in();
    let world = World::new();
    std::os::unix::fs::symlink(victim.path("session.json"), world.path("session.json")).unwrap();
    refused(&world.run(&["token"]), &["`profile.school.store`", "outside of the folder"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_write_or_own_is_not_used() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let world = World::new();
    let file = world.path("rekindle.toml");
    for mode in [0o620, 0o602] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        refused(&world.run(&["status"]), &["rekindle.toml", "is writable by other users", "chmod go-w"]);
        refused(&world.run(&["trust"]), &["is writable by other users"]);
    }
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    if std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        chown(&file, Some(65534), None).unwrap();
        refused(&world.run(&["status"]), &["is owned by user id 65534"]);
        refused(&world.run(&["trust"]), &["is owned by user id 65534"]);
    }
}

#[test]
fn status_and_errors_say_which_file_was_used() {
    let world = World::new();
    let file = world.path("rekindle.toml").canonicalize().unwrap();
    let file = file.to_str().unwrap();
    assert!(world.run(&["status"]).out.contains(&format!("{file} (found in this folder, trusted)")));
    assert_eq!(
        world.run(&["status", "--json"]).json()["config"],
        format!("{file} (found in this folder, trusted)")
    );
    assert!(world.run(&["token"]).err.contains(&format!("profile file: {file}")));
    let named = world.run(&["token", "--json", "--config", file]);
    assert_eq!(named.error()["config"], format!("{file} (named)"));
}
