//! Every file of the fuzzers' corpora, through the same functions as the fuzzers.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

#[path = "../../../fuzz/src/lib.rs"]
#[allow(missing_docs, unreachable_pub, reason = "it is the fuzzers' library")]
mod targets;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{target} has a corpus");
    files.iter().for_each(|file| run(&std::fs::read(file).unwrap()));
}

#[test]
fn the_corpus_of_challenge_is_harmless() {
    replay("challenge", targets::challenge);
}

#[test]
fn the_corpus_of_dialect_file_is_harmless() {
    replay("dialect_file", targets::dialect_file);
}

#[test]
fn the_corpus_of_token_answer_is_harmless() {
    replay("token_answer", targets::token_answer);
}

#[test]
fn the_corpus_of_verdict_is_harmless() {
    replay("verdict", targets::verdict);
}
