//! The effects that a machine requests.

use std::sync::Arc;

use bytes::Bytes;

use super::current::{Current, Snapshot};
use super::{OpId, Ticket};
use crate::credential::Secret;
use crate::error::Failure;
use crate::event::Event;
use crate::grant::GrantRequest;
use crate::store::Expected;

/// Something for the engine to do.
#[derive(Clone)]
pub enum Effect {
    /// Read the store; answer with [`Machine::handle_loaded`](super::Machine::handle_loaded).
    Load {
        /// The id that the answer carries.
        op: OpId,
    },
    /// Write the store; answer with [`Machine::handle_saved`](super::Machine::handle_saved).
    Save {
        /// The id that the answer carries.
        op: OpId,
        /// The record to write; wiped when the last reference is dropped.
        record: Bytes,
        /// The state that the store must have.
        expected: Expected,
    },
    /// Ask the store about an owner; answer with [`Machine::handle_owner`](super::Machine::handle_owner).
    Probe {
        /// The id that the answer carries.
        op: OpId,
        /// The owner.
        owner: String,
    },
    /// Announce that an owner is alive.
    Announce {
        /// The owner.
        owner: String,
    },
    /// Withdraw the announcement.
    Retire {
        /// The owner.
        owner: String,
    },
    /// Ask the token endpoint; answer with [`Machine::handle_outcome`](super::Machine::handle_outcome).
    Send {
        /// The id that the answer carries.
        op: OpId,
        /// The grant to request.
        request: GrantRequest,
    },
    /// Abort a send that exceeded its time limit. Its response no longer matters.
    Abort {
        /// The send.
        op: OpId,
    },
    /// Revoke a token of an ended lineage, if the dialect supports it (spec 4.6).
    Revoke {
        /// The refresh token, or the access token if there is none.
        token: Secret,
    },
    /// Replace the snapshot of the fast path.
    Publish(Arc<Snapshot>),
    /// Wake all callers that wait for this ticket.
    Settle {
        /// The ticket.
        ticket: Ticket,
        /// The result for the callers.
        result: Settled,
    },
    /// Report an event.
    Event(Event),
}

impl std::fmt::Debug for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Records and tokens stay out of it.
        match self {
            Self::Load { op } => write!(f, "Load {op}"),
            Self::Save { op, expected, .. } => write!(f, "Save {op} over {expected:?}"),
            Self::Probe { op, owner } => write!(f, "Probe {op} {owner}"),
            Self::Announce { owner } => write!(f, "Announce {owner}"),
            Self::Retire { owner } => write!(f, "Retire {owner}"),
            Self::Send { op, .. } => write!(f, "Send {op}"),
            Self::Abort { op } => write!(f, "Abort {op}"),
            Self::Revoke { .. } => write!(f, "Revoke"),
            Self::Publish(_) => write!(f, "Publish"),
            Self::Settle { ticket, result } => write!(f, "Settle {ticket} {result:?}"),
            Self::Event(event) => write!(f, "{event:?}"),
        }
    }
}

/// The result for waiting callers.
#[derive(Clone, Debug)]
pub enum Settled {
    /// A token.
    Token(Arc<Current>),
    /// There is nothing left to wait for: call again.
    Again,
    /// The refresh failed. A token that is still valid is served anyway
    /// ([`Machine::fallback`](super::Machine::fallback)).
    Failed(Failure),
}
