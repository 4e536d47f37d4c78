//! `rekindle demo`: its rows, and that they hold.

use std::collections::BTreeSet;

use crate::world::World;

#[test]
fn the_demo_gives_a_row_for_each_dialect_and_story_and_each_holds() {
    let world = World::new();
    let ran = world.run(&["demo", "--requests", "12", "--concurrency", "8", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.json();
    let rows = rows.as_array().unwrap();
    let seen: BTreeSet<_> =
        rows.iter().map(|row| (row["dialect"].as_str(), row["scenario"].as_str())).collect();
    assert_eq!((rows.len(), seen.len()), (8, 8));
    for row in rows {
        let keys: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "dialect",
            "scenario",
            "requests",
            "succeeded",
            "refreshes",
            "replays",
            "reuse_detected",
            "p50_ms",
            "p99_ms",
        ];
        expected.sort_unstable();
        let sorted: BTreeSet<_> = keys.into_iter().collect();
        assert_eq!(sorted.into_iter().collect::<Vec<_>>(), expected);
        let refreshes = if row["scenario"] == "lost_answer" { 2 } else { 1 };
        assert_eq!(
            (row["succeeded"].as_u64(), row["refreshes"].as_u64()),
            (Some(12), Some(refreshes)),
            "{row}"
        );
        assert_eq!((row["replays"].as_u64(), row["reuse_detected"].as_u64()), (Some(8), Some(0)), "{row}");
        assert!(row["p50_ms"].as_f64() <= row["p99_ms"].as_f64(), "{row}");
    }
}

#[test]
fn the_demo_shows_people_what_happens_and_then_a_table() {
    let ran = World::new().run(&["demo", "--requests", "1"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for text in ["RefreshStarted (rejected)", "RefreshSucceeded", "p99 ms", "lost_answer"] {
        assert!(ran.out.contains(text), "{text} is not in {}", ran.out);
    }
    assert!(!ran.out.contains("\\u{"), "a character of ours is shown by its number: {}", ran.out);
}
