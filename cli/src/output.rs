//! The one place that writes to standard output and standard error.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::exit::{Done, Stop};

/// A line on standard output.
pub(crate) fn line(text: &str) -> Done {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
    written.and_then(|()| out.flush()).map_err(|error| trouble("standard output", &error))
}

/// A value as JSON on standard output, laid out for people, too.
pub(crate) fn json(value: &impl Serialize) -> Done {
    let text = serde_json::to_string_pretty(value);
    line(&text.map_err(|error| Stop::system("the output cannot be written as JSON", &error.into()))?)
}

/// A line on standard error. Where that is closed there is nobody to tell.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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
        &format!("{what} cannot be written: see its folder, its permissions and the space left"),
        error,
    )
}
