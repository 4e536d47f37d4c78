//! What a profile file may name that nobody named: one that was found in a folder above the current one.

use std::path::{Path, PathBuf};

use rekindle::store::FileStore;

use super::Profile;
use super::file::is_file;
use crate::exit::Done;

/// Of the environment, a file that was only found may name these.
const OWN_VARIABLES: &str = "REKINDLE_";

impl Profile {
    /// Even with consent, a file that was found gets at nothing outside of its folder.
    pub(super) fn confine(&self) -> Done {
        if !self.file.was_found() {
            return Ok(());
        }
        let fields = &self.fields;
        let dialect = Some(PathBuf::from(&fields.dialect)).filter(|_| is_file(&fields.dialect));
        self.confine_path("store", FileStore::new(&self.store).path())?;
        for (field, path) in [
            ("client_key", &fields.client_key),
            ("dpop_key", &fields.dpop_key),
            ("root_certificates", &fields.root_certificates),
            ("client_certificate", &fields.client_certificate),
            ("client_certificate_key", &fields.client_certificate_key),
            ("dialect", &dialect),
        ] {
            // What is not there is named when it is read.
            if let Some(Ok(resolved)) = path.as_ref().map(|path| self.file.beside(path).canonicalize()) {
                self.confine_path(field, &resolved)?;
            }
        }
        match &fields.client_secret_env {
            Some(name) if !name.starts_with(OWN_VARIABLES) => {
                let what = format!(
                    "a file that was only found in a folder may name variables that begin with {OWN_VARIABLES}; \
                     rename {name}, or name the file with --config"
                );
                Err(self.mistake("client_secret_env", &what))
            }
            _ => Ok(()),
        }
    }

    fn confine_path(&self, field: &str, resolved: &Path) -> Done {
        if self.file.encloses(resolved) {
            return Ok(());
        }
        let what = format!(
            "{} is outside of the folder of a file that was only found there; keep it inside, or name the file \
             with --config",
            resolved.display()
        );
        Err(self.mistake(field, &what))
    }
}
