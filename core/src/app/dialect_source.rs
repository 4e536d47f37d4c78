//! The source of a dialect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_proto::Failure;
use rekindle_proto::dialect::Dialect;

use crate::fork::PerProcess;
use crate::lock::Mutex;
use crate::platform::files;

/// The presets that were requested, each parsed once.
static PRESETS: PerProcess<Mutex<BTreeMap<String, Arc<Dialect>>>> = PerProcess::new();

/// The source of a dialect: the name of a preset, a file, or an existing [`Dialect`].
#[derive(Clone, Debug)]
pub enum DialectSource {
    /// The name of a preset, or the path of a dialect file (it ends in `.toml` or contains a `/`).
    NameOrPath(String),
    /// A dialect file.
    File(PathBuf),
    /// A dialect.
    Dialect(Box<Dialect>),
}

impl From<&str> for DialectSource {
    fn from(name: &str) -> Self {
        Self::NameOrPath(name.to_owned())
    }
}

impl From<String> for DialectSource {
    fn from(name: String) -> Self {
        Self::NameOrPath(name)
    }
}

impl From<&Path> for DialectSource {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<Dialect> for DialectSource {
    fn from(dialect: Dialect) -> Self {
        Self::Dialect(Box::new(dialect))
    }
}

impl DialectSource {
    pub(super) fn resolve(&self) -> Result<Arc<Dialect>, Failure> {
        match self {
            Self::NameOrPath(name) if name.ends_with(".toml") || name.contains('/') => read(Path::new(name)),
            Self::NameOrPath(name) => preset(name),
            Self::File(path) => read(path),
            Self::Dialect(dialect) => Ok(Arc::new(Dialect::clone(dialect))),
        }
    }
}

fn read(path: &Path) -> Result<Arc<Dialect>, Failure> {
    let text = files::text(path).map_err(|error| {
        Failure::config("dialect", format_args!(": {} cannot be read ({error})", path.display()))
    })?;
    parse(&text, path).map(Arc::new)
}

#[cfg(feature = "toml")]
fn parse(text: &str, path: &Path) -> Result<Dialect, Failure> {
    Dialect::from_toml(text, &path.display().to_string())
}

#[cfg(not(feature = "toml"))]
fn parse(_: &str, _: &Path) -> Result<Dialect, Failure> {
    let what = " is a TOML file, which this build does not read (feature `toml`): give it as data";
    Err(Failure::config("dialect", what))
}

fn preset(name: &str) -> Result<Arc<Dialect>, Failure> {
    let presets = PRESETS.get_checked(|_| Mutex::default());
    let mut presets = presets.lock();
    if let Some(known) = presets.get(name) {
        return Ok(known.clone());
    }
    let dialect = Arc::new(Dialect::preset(name)?);
    presets.insert(name.to_owned(), dialect.clone());
    Ok(dialect)
}
