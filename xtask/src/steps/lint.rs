//! Format and clippy.

use super::toolbox::cargo;
use crate::house::House;
use crate::report::{Count, Outcome};
use crate::run;

pub(super) fn format(house: &House, _: &mut Count) -> Outcome {
    run::ok(cargo(house).args(["fmt", "--all", "--check"])).into()
}

pub(super) fn clippy(house: &House, _: &mut Count) -> Outcome {
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    run::ok(cargo(house).args(args)).into()
}
