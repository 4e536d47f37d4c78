//! The file name of a key: two keys never share one on any file system.

use sha2::{Digest as _, Sha256};

/// The length to which longer names are cut; a digest distinguishes them. Most file systems limit names to 255 bytes,
/// and files beside a record have longer names.
const MOST: usize = 120;

/// Names that Windows reserves for devices, regardless of what follows the first dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The file name for a key: lower-case letters, digits, `-`, `_` and `@` are unchanged, each other byte becomes `=`
/// and two hexadecimal digits. So `Ada` and `ada` differ on file systems that ignore case, and no key leads to
/// another folder.
pub(super) fn file_name(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 8);
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'@' => name.push(char::from(byte)),
            other => name.push_str(&format!("={other:02x}")),
        }
    }
    if name.len() > MOST {
        name.truncate(MOST);
        // No other key has a name with this ending, because an escape has hexadecimal digits.
        name.push_str(&format!("=sha256-{}", hex(&Sha256::digest(key))));
    } else if DEVICES.iter().any(|device| name.starts_with(device)) {
        name = format!("={:02x}{}", name.as_bytes()[0], &name[1..]);
    }
    name + ".json"
}

/// The key of a file name, if the name is that of a key and was not cut.
pub(super) fn key(file_name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = file_name.strip_suffix(".json")?.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'=' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    let key = String::from_utf8(bytes).ok()?;
    // Another spelling is another file, which belongs to no key.
    (self::file_name(&key) == file_name).then_some(key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_plain_stands_for_itself() {
        assert_eq!(file_name("user-42"), "user-42.json");
        assert_eq!(file_name("ada_l@example"), "ada_l@example.json");
    }

    #[test]
    fn no_key_leads_to_another_folder_or_to_a_device() {
        assert_eq!(file_name(".."), "=2e=2e.json");
        assert_eq!(file_name("a/b\\c"), "a=2fb=5cc.json");
        assert_eq!(file_name("con"), "=63on.json");
        assert_eq!(file_name("lpt1"), "=6cpt1.json");
    }

    // spec 12.17
    #[test]
    fn a_key_is_told_from_its_file_and_nothing_else_is() {
        for key in ["user-42", "Ada", "a/b\\c", "..", "con", "ad\u{e4}", "auth0|5f"] {
            assert_eq!(super::key(&file_name(key)).as_deref(), Some(key));
        }
        for name in
            ["ada.json.lock", "ada", "=4.json", "=zz.json", "Ada.json", &file_name(&"x".repeat(1_000))]
        {
            assert_eq!(super::key(name), None, "{name}");
        }
    }

    #[test]
    fn keys_differ_on_every_file_system() {
        let long = "x".repeat(1_000);
        let keys = [
            "ada",
            "Ada",
            "ADA",
            "=41da",
            "ad=61",
            "ad\u{e4}",
            "ada.json",
            "ada.lock",
            "con",
            "=63on",
            "",
            &long,
            &long[1..],
            &file_name(&long),
        ];
        let names: BTreeSet<String> = keys.iter().map(|key| file_name(key).to_lowercase()).collect();
        assert_eq!(names.len(), keys.len());
        assert!(names.iter().all(|name| name.len() <= 200), "{names:?}");
    }
}
