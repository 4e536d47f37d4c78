//! Writes the presets as JSON: the module has no TOML parser.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/proto/presets");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut presets = serde_json::Map::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "toml")) {
        let name = file.file_stem().and_then(|name| name.to_str()).ok_or("a preset without a name")?;
        let preset: serde_json::Value = toml::from_str(&fs::read_to_string(file)?)?;
        presets.insert(name.to_owned(), preset);
    }
    let out = PathBuf::from(env::var("OUT_DIR")?).join("presets.json");
    fs::write(out, serde_json::to_string(&presets)?)?;
    Ok(())
}
