//! The one place that writes to standard output and standard error.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::exit::{Done, Stop};

/// A line on standard output. What a server or a file wrote may be part of it.
pub(crate) fn line(text: &str) -> Done {
    lines(&printable(text))
}

/// Several lines on standard output, all of them our own text.
pub(crate) fn lines(text: &str) -> Done {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
    written.and_then(|()| out.flush()).map_err(|error| trouble("standard output", &error))
}

/// A value as JSON on standard output, laid out for people, too.
pub(crate) fn json(value: &impl Serialize) -> Done {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| Stop::system("the output cannot be written as JSON", &error.into()))?;
    lines(&printable_json(&text))
}

/// A line on standard error. Where that is closed nobody reads it.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// A value as JSON, in one line, on standard error.
pub(crate) fn warn_json(value: &impl Serialize) {
    let text = serde_json::to_string(value).unwrap_or_default();
    let _ = writeln!(io::stderr().lock(), "{}", printable_json(&text));
}

/// The text without what a terminal obeys: control characters (escape sequences, line breaks, carriage returns) and
/// what reorders or hides text are shown by their numbers. Tokens' scopes, names in foreign files and servers'
/// messages are not ours.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.escape_unicode().to_string())
}

/// The same in a JSON text, where only strings can hold such characters: it stays JSON of the same value.
fn printable_json(text: &str) -> Cow<'_, str> {
    let mut units = [0; 2];
    let in_layout = |c: char| c == '\n';
    escaped_but(text, in_layout, |c| {
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

fn escaped(text: &str, escape: impl FnMut(char) -> String) -> Cow<'_, str> {
    escaped_but(text, |_| false, escape)
}

fn escaped_but(
    text: &str,
    keep: impl Fn(char) -> bool,
    mut escape: impl FnMut(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(|c| is_obeyed(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) && !keep(c) { shown.push_str(&escape(c)) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL, C1), separators of lines, marks of direction, and invisible tags.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Where a body goes.
pub(crate) enum Sink {
    Standard,
    File(File, PathBuf),
}

impl Sink {
    /// A file, or standard output for none and for `-`.
    pub(crate) fn open(path: Option<&Path>) -> Done<Self> {
        match path.filter(|path| *path != Path::new("-")) {
            None => Ok(Self::Standard),
            Some(path) => {
                let file = File::create(path);
                let file = file.map_err(|error| unwritable(&path.display().to_string(), &error))?;
                Ok(Self::File(file, path.to_owned()))
            }
        }
    }

    /// The same, after what the file holds already.
    pub(crate) fn append(path: Option<&Path>) -> Done<Self> {
        let Some(path) = path else { return Ok(Self::Standard) };
        let file = File::options().append(true).create(true).open(path);
        let file = file.map_err(|error| unwritable(&path.display().to_string(), &error))?;
        Ok(Self::File(file, path.to_owned()))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Done {
        match self {
            Self::Standard => {
                io::stdout().lock().write_all(bytes).map_err(|error| trouble("standard output", &error))
            }
            Self::File(file, path) => {
                file.write_all(bytes).map_err(|error| unwritable(&path.display().to_string(), &error))
            }
        }
    }

    pub(crate) fn finish(self) -> Done {
        match self {
            Self::Standard => io::stdout().lock().flush().map_err(|error| trouble("standard output", &error)),
            Self::File(..) => Ok(()),
        }
    }

    /// Whether a person would see the body between other things.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Standard) && io::IsTerminal::is_terminal(&io::stdout())
    }
}

fn trouble(what: &str, error: &io::Error) -> Stop {
    if error.kind() == ErrorKind::BrokenPipe { Stop::Unread } else { unwritable(what, error) }
}

fn unwritable(what: &str, error: &io::Error) -> Stop {
    Stop::system(
        &format!("{what} cannot be written: check its folder, its permissions and the free space"),
        error,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_by_its_number() {
        for (text, shown) in [
            ("plain \u{e4} \u{1f511}", "plain \u{e4} \u{1f511}"),
            ("\u{1b}]52;c;eA==\u{7}", "\\u{1b}]52;c;eA==\\u{7}"),
            ("a\rb\nc\td\u{7f}\u{9b}2J", "a\\u{d}b\\u{a}c\\u{9}d\\u{7f}\\u{9b}2J"),
            ("\u{202e}txt.exe\u{2066}\u{200b}\u{feff}", "\\u{202e}txt.exe\\u{2066}\\u{200b}\\u{feff}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn json_stays_json_of_the_same_value() {
        let value = serde_json::json!({ "a\u{202e}\u{9b}": "\u{1b}[2J\n\u{e0041}\"\\" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = printable_json(&text);
        assert!(!shown.contains(|c| is_obeyed(c) && c != '\n'), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
