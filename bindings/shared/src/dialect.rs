//! The dialect of a session, as a host names it.

use std::path::Path;

use rekindle::{DialectSource, Error};

/// A dialect, by name, path or content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A preset: `oauth2`, `google`, ..
    Preset {
        /// Its name.
        name: String,
    },
    /// A dialect file.
    File {
        /// Its path.
        path: String,
    },
    /// The contents of a dialect file.
    Toml {
        /// The text.
        text: String,
    },
}

impl Dialect {
    /// The dialect source for a builder of a session or app.
    ///
    /// ```
    /// use rekindle_bindings::Dialect;
    ///
    /// let dialect = Dialect::Toml { text: "rotation = 'strict'".to_owned() };
    /// let session = rekindle::Session::builder(dialect.source()?).token_url("https://auth.example.com/token").build()?;
    /// assert_eq!(session.dialect().rotation(), rekindle::Rotation::Strict);
    /// assert!(Dialect::Preset { name: "gooogle".to_owned() }.source().is_err());
    /// # Ok::<(), rekindle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidConfig: there is no such preset, or the text is not a valid dialect.
    pub fn source(&self) -> Result<DialectSource, Error> {
        Ok(match self {
            Self::Preset { name } => rekindle::Dialect::preset(name)?.into(),
            Self::File { path } => Path::new(path).into(),
            Self::Toml { text } => rekindle::Dialect::from_toml(text, "dialect")?.into(),
        })
    }
}
