//! Replays the cases of `tests/conformance` through the Rust client: see `README.md` for their form.

mod act;
mod case;
mod check;
mod matching;
mod origin;
mod refresh;
mod results;
mod run;
mod stage;
mod store;
mod through;
mod time;

pub use case::{Case, Suite};
pub use matching::matches;
pub use run::{run, run_driven, run_through};
pub use through::Through;
pub use time::Driven;
