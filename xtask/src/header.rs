//! The C header of the hosted core, from the functions of `abi.rs`: their signatures and what is written above them.

use std::fs;

use crate::workspace::Workspace;

/// Where it lies.
pub(crate) const HEADER: &str = "bindings/hosted/include/rekindle.h";

const SOURCE: &str = "bindings/hosted/src/abi.rs";

const BEGINNING: &str = "\
/* The hosted core of rekindle: ABI.md says what the functions take and give, and what is in the messages.
   Written by `cargo xtask gen` from src/abi.rs. */
#ifndef REKINDLE_H
#define REKINDLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {
#endif

/* One core. A reader without a preprocessor takes what stands from here to the last semicolon. */
typedef struct rekindle_handle rekindle_handle;
";

const END: &str = "
#ifdef __cplusplus
}
#endif

#endif
";

/// The header as it should be.
pub(crate) fn render(workspace: &Workspace, _: &str) -> Result<String, String> {
    let source = fs::read_to_string(workspace.path(SOURCE)).map_err(|e| format!("{SOURCE}: {e}"))?;
    header(&source)
}

fn header(source: &str) -> Result<String, String> {
    let mut header = BEGINNING.to_owned();
    let (mut above, mut lines) = (Vec::new(), source.lines());
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("///") {
            above.push(comment.trim());
        } else if line.starts_with("pub ") && line.contains("extern \"C\" fn ") {
            let mut signature = line.to_owned();
            while !signature.ends_with('{') {
                signature.push_str(lines.next().ok_or("a function without a body")?.trim());
                signature.push(' ');
                signature.truncate(signature.trim_end().len());
            }
            header += &format!("\n{}{};\n", comment(&above), prototype(&signature)?);
            above.clear();
        } else if !line.starts_with("#[") {
            above.clear();
        }
    }
    Ok(header + END)
}

/// As C writes it; links are Rust's.
fn comment(above: &[&str]) -> String {
    let text: Vec<&str> =
        above.iter().copied().filter(|line| !line.is_empty() && *line != "# Safety").collect();
    format!("/* {} */\n", text.join("\n   ").replace("[`", "`").replace("`]", "`"))
}

/// `pub unsafe extern "C" fn name(a: A, b: B) -> C {` as C writes it.
fn prototype(signature: &str) -> Result<String, String> {
    let wrong = || format!("not a function as C knows them: {signature}");
    let (_, named) = signature.split_once(" fn ").ok_or_else(wrong)?;
    let (name, rest) = named.split_once('(').ok_or_else(wrong)?;
    let (arguments, result) = rest.trim_end_matches('{').split_once(')').ok_or_else(wrong)?;
    let arguments = arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty());
    let arguments: Vec<String> = arguments
        .map(|argument| {
            let (name, kind) = argument.split_once(": ").ok_or_else(wrong)?;
            Ok(format!("{}{name}", spelled(kind)?))
        })
        .collect::<Result<_, String>>()?;
    let result = result.trim().strip_prefix("->").map_or(Ok("void "), |kind| spelled(kind.trim()))?;
    let arguments = if arguments.is_empty() { "void".to_owned() } else { arguments.join(", ") };
    Ok(format!("{result}{name}({arguments})"))
}

/// A type, with what separates it from a name.
fn spelled(kind: &str) -> Result<&'static str, String> {
    Ok(match kind {
        "u32" => "uint32_t ",
        "usize" => "size_t ",
        "f64" => "double ",
        "*const u8" => "const uint8_t *",
        "*mut u8" => "uint8_t *",
        "*mut Handle" => "rekindle_handle *",
        "*const Handle" => "const rekindle_handle *",
        other => return Err(format!("{other} has no spelling in C: xtask/src/header.rs")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_becomes_a_prototype() {
        let long = "pub unsafe extern \"C\" fn tag(handle: *const Handle, at: f64,) -> u32 {";
        assert_eq!(prototype(long).as_deref(), Ok("uint32_t tag(const rekindle_handle *handle, double at)"));
        let without = "pub extern \"C\" fn version() -> u32 {";
        assert_eq!(prototype(without).as_deref(), Ok("uint32_t version(void)"));
        let nothing = "pub unsafe extern \"C\" fn drop(handle: *mut Handle) {";
        assert_eq!(prototype(nothing).as_deref(), Ok("void drop(rekindle_handle *handle)"));
    }

    #[test]
    fn what_is_written_above_comes_along_without_rusts_headings() {
        let source = "/// Ends it: [`new`].\n///\n/// # Safety\n///\n/// Once.\n#[unsafe(no_mangle)]\npub unsafe extern \"C\" fn end(\n    handle: *mut Handle,\n) {\n}\n";
        let header = header(source).unwrap_or_default();
        assert!(
            header.contains("/* Ends it: `new`.\n   Once. */\nvoid end(rekindle_handle *handle);"),
            "{header}"
        );
    }

    #[test]
    fn a_type_that_c_does_not_have_is_an_error() {
        assert!(header("pub extern \"C\" fn a(b: String) {\n").is_err());
    }
}
