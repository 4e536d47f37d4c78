//! Replays the cases of `tests/conformance` through the Rust client: see `README.md` for their form.

mod act;
mod case;
mod check;
mod matching;
mod origin;
mod refresh;
mod run;
mod stage;
mod store;
mod time;
mod told;

pub use case::{Case, Suite};
pub use matching::matches;
pub use run::{run, run_driven};
pub use time::Driven;
