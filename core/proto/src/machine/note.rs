//! A record that holds text instead of a sign-in: for data that is kept beside the sign-ins of a store. A session with
//! its key is signed out, so it does not count as an account.

use std::sync::Arc;

use bytes::Bytes;

use super::binding::Binding;
use super::record::Record;
use crate::store::Unavailable;

/// Where the text is, among a record's extra values.
const TEXT: &str = "rekindle.note";

/// The record that keeps `text` under `key`.
///
/// ```
/// use rekindle_proto::machine::{note, read_note};
///
/// let record = note("rekindle.client:https://api.example.com/", "text");
/// assert_eq!(read_note(&record)?, "text");
/// # Ok::<(), rekindle_proto::store::Unavailable>(())
/// ```
#[must_use]
pub fn note(key: &str, text: &str) -> Bytes {
    let mut record = Record::new(String::new(), Arc::new(Binding::default()));
    record.key = Some(key.into());
    record.tombstone = true;
    record.extra.insert(TEXT.to_owned(), text.to_owned());
    record.to_bytes()
}

/// The text of a record that [`note`] made.
///
/// # Errors
///
/// The record is damaged, or it is a session's: the store does not keep one record for each key.
pub fn read_note(record: &[u8]) -> Result<String, Unavailable> {
    let mut record = Record::parse(record)?;
    let given = record.key.take();
    record.extra.remove(TEXT).ok_or_else(|| {
        let given = given.as_deref().unwrap_or("the session");
        Unavailable::foreign("a client's registration", given)
    })
}
