//! A record in as little memory as possible, for sessions at rest.

use std::cell::OnceCell;
use std::ops::{Deref, DerefMut};

use bytes::Bytes;

use super::record::Record;

/// A record. At rest only its bytes are kept, which a memory store shares; they are parsed again when the record is
/// needed.
pub(super) struct CompactRecord {
    record: OnceCell<Box<Record>>,
    /// Empty while the record may differ from the bytes.
    bytes: Bytes,
}

impl CompactRecord {
    pub(super) fn new(record: Record) -> Self {
        Self { record: OnceCell::from(Box::new(record)), bytes: Bytes::new() }
    }

    /// Keeps only the bytes: those that were last saved, if they represent the record. Bytes that a store returned
    /// are not kept, because they may not be wiped when they are dropped (spec 9.3).
    pub(super) fn rest(&mut self, stored: Option<&Bytes>) {
        // The exception of a refresh function is not in the bytes, and callers get it as the cause during the pause.
        let has_cause = |record: &Record| record.backoff.as_ref().is_some_and(|pause| pause.cause.is_some());
        if self.record.get().is_some_and(|record| has_cause(record)) {
            return;
        }
        let Some(record) = self.record.take() else { return };
        if self.bytes.is_empty() {
            let bytes = record.to_bytes();
            self.bytes = stored.filter(|stored| **stored == bytes).cloned().unwrap_or(bytes);
        }
    }
}

impl Deref for CompactRecord {
    type Target = Record;

    fn deref(&self) -> &Record {
        let parse = || Record::parse(&self.bytes).expect("what a record was written as can be read");
        self.record.get_or_init(|| Box::new(parse()))
    }
}

impl DerefMut for CompactRecord {
    fn deref_mut(&mut self) -> &mut Record {
        let _ = &**self;
        self.bytes = Bytes::new();
        self.record.get_mut().expect("it was just parsed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn compact() -> (CompactRecord, Record) {
        let mut record = Record::new("lineage".into(), Default::default());
        record.refresh_token = Some(Secret::new("rt-1"));
        (CompactRecord::new(record.clone()), record)
    }

    #[test]
    fn at_rest_it_shares_what_the_store_has() {
        let (mut compact, record) = compact();
        let stored = record.to_bytes();
        compact.rest(Some(&stored));
        assert!(compact.record.get().is_none());
        assert_eq!(compact.bytes.as_ptr(), stored.as_ptr());
        assert_eq!(*compact, record);
    }

    #[test]
    fn what_differs_from_the_stored_is_kept_as_it_is() {
        let (mut compact, mut record) = compact();
        let stored = record.to_bytes();
        compact.rest(Some(&stored));
        (compact.fence, record.fence) = (7, 7);
        compact.rest(Some(&stored));
        assert_eq!(*compact, record);
        compact.rest(None);
        assert_eq!(*compact, record);
    }
}
