//! Prints the reference of all fields of a dialect file; `cargo xtask gen` writes it into the documentation.

#![allow(clippy::print_stdout, reason = "it is what this program is for")]

fn main() {
    print!("{}", rekindle_proto::dialect::reference());
}
