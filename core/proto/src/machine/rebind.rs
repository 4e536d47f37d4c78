//! Moves a record to another configuration of the same client (spec 7.10).

use std::sync::Arc;

use bytes::Bytes;

use super::binding::Binding;
use super::failures::{misconfigured, signed_out, store_unavailable};
use super::record::Record;
use crate::error::Failure;

/// A stored record, bound to another configuration of the same client, with the same tokens. `None` if it is bound to
/// that configuration already.
///
/// ```
/// use std::sync::Arc;
/// use rekindle_proto::machine::{Binding, rebound};
///
/// let mut moved = Binding::default();
/// moved.token_endpoint = "https://new.example.com/token".into();
/// assert!(rebound(b"no record", &Arc::new(moved)).is_err());
/// ```
///
/// # Errors
///
/// The record cannot be read, was signed out, or its tokens belong to another client or key.
pub fn rebound(record: &[u8], binding: &Arc<Binding>) -> Result<Option<Bytes>, Failure> {
    let mut record = Record::parse(record).map_err(|unavailable| store_unavailable(&unavailable))?;
    if record.tombstone {
        return Err(signed_out());
    }
    let bound = &record.binding;
    if bound.client_id != binding.client_id || bound.key_thumbprint != binding.key_thumbprint {
        return Err(misconfigured(bound, binding));
    }
    if *bound == *binding {
        return Ok(None);
    }
    if let Some(mark) = &mut record.dead {
        mark.binding = binding.clone();
    }
    record.binding = binding.clone();
    record.fence += 1;
    record.write = format!("rebound-{}", record.fence);
    Ok(Some(record.to_bytes()))
}
