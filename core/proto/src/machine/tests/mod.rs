//! Every race of the spec with an exact count, in virtual time; and properties over all interleavings.
#![allow(clippy::unwrap_used, clippy::panic)]

mod flight;
mod grants;
mod load;
mod lost_answers;
mod pausing;
mod properties;
mod rejecting;
mod renewing;
mod serving;
mod storing;
mod world;
