//! The Composer package, through the extension and through FFI, beside a middleware as it is written by hand: speed, and what each
//! does where it is hard.

use crate::steps;
use crate::workspace::Workspace;

/// `--quick`: a tenth of the rounds.
pub(super) fn run(workspace: &Workspace, rest: &[String]) -> bool {
    match steps::bench_php(workspace, rest) {
        Ok(()) => true,
        Err(why) => {
            eprintln!("bench php: {why}");
            false
        }
    }
}
