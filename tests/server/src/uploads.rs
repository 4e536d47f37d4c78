//! Uploads that are turned away from their head alone, as many servers do it: the answer is there while the body still comes.

use serde_json::json;

use crate::answer::Answer;
use crate::http::Request;

/// Where uploads go.
pub(crate) const PATH: &str = "/__upload";

/// The early answer to an upload that has not the token which its address asks for (`?token=AT-2`).
pub(crate) fn refusal(request: &Request) -> Option<Answer> {
    let is_upload = request.path() == PATH && request.query("token").as_deref() != request.token();
    is_upload.then(|| Answer::json(401, &json!({"error": "token_expired"})))
}

/// What has come of it, for the other side to compare.
pub(crate) fn received(request: &Request) -> Answer {
    let has_length = request.header("content-length").is_some();
    let (length, sum) = (request.body.len(), fnv(&request.body));
    Answer::json(200, &json!({"length": length, "fnv": format!("{sum:016x}"), "content_length": has_length}))
}

/// Fowler, Noll and Vo's hash (FNV-1a, 64 bits): a few lines in every language.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
