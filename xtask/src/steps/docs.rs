//! Documentation builds, and every link in it leads somewhere.

use super::toolbox::cargo;
use crate::house::House;
use crate::report::{Count, Outcome};
use crate::run;

pub(super) fn run(house: &House, _: &mut Count) -> Outcome {
    let args = ["doc", "--no-deps", "--workspace", "--locked"];
    run::ok(cargo(house).args(args).env("RUSTDOCFLAGS", "-D warnings")).into()
}
