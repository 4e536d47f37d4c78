//! Generated parts are as `cargo xtask gen` would write them.

use crate::house::House;
use crate::report::{Count, Outcome};
use crate::words;

pub(super) fn run(house: &House, _: &mut Count) -> Outcome {
    match words::stale(house) {
        Ok(stale) if stale.is_empty() => Outcome::Passed,
        Ok(stale) => Outcome::Failed(format!("{} out of date: cargo xtask gen", stale.join(", "))),
        Err(why) => Outcome::Failed(why),
    }
}
