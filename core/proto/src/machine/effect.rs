//! What a machine wants done.

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
        /// The answer's name.
        op: OpId,
    },
    /// Write the store; answer with [`Machine::handle_saved`](super::Machine::handle_saved).
    Save {
        /// The answer's name.
        op: OpId,
        /// What to write; wiped when the last lets go of it.
        record: Bytes,
        /// What must be there.
        expected: Expected,
    },
    /// Ask the store about an owner; answer with [`Machine::handle_owner`](super::Machine::handle_owner).
    Probe {
        /// The answer's name.
        op: OpId,
        /// The owner.
        owner: String,
    },
    /// Show that an owner lives.
    Announce {
        /// The owner.
        owner: String,
    },
    /// End that.
    Retire {
        /// The owner.
        owner: String,
    },
    /// Ask the token endpoint; answer with [`Machine::handle_outcome`](super::Machine::handle_outcome).
    Send {
        /// The answer's name.
        op: OpId,
        /// What to ask with.
        request: GrantRequest,
    },
    /// Break off a send whose cap has passed. Its answer does not matter any more.
    Abort {
        /// The send.
        op: OpId,
    },
    /// Revoke a token of a lineage that was ended, where the dialect can (spec 4.6).
    Revoke {
        /// The refresh token, or else the access token.
        token: Secret,
    },
    /// Replace what the fast path sees.
    Publish(Arc<Snapshot>),
    /// Wake everybody who waits for this ticket.
    Settle {
        /// The ticket.
        ticket: Ticket,
        /// What they get.
        result: Settled,
    },
    /// Tell.
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

/// What waiters get.
#[derive(Clone, Debug)]
pub enum Settled {
    /// A token.
    Token(Arc<Current>),
    /// Nothing to wait for any more: ask again.
    Again,
    /// It did not come through. A token that is still valid is served all the same
    /// ([`Machine::fallback`](super::Machine::fallback)).
    Failed(Failure),
}
