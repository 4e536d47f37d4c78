//! `rekindle dialect`: what one's own dialect file says, tried on recorded responses.

use std::path::{Path, PathBuf};

use rekindle::Dialect;

use crate::args::DialectCommand;
use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output;
use crate::samples::{Checked, Samples};

pub(crate) fn run(context: &Context, command: &DialectCommand) -> Done {
    match command {
        DialectCommand::Check { file, samples } => check(context, file, samples),
        DialectCommand::Fields => output::lines(rekindle_proto::dialect::reference().trim_end()),
    }
}

fn check(context: &Context, file: &Path, given: &[PathBuf]) -> Done {
    let dialect = Dialect::from_toml(&read(file)?, &file.display().to_string())
        .map_err(|failure| Stop::config(failure.message))?;
    let beside = file.with_extension("samples.toml");
    let found = given.is_empty() && beside.exists();
    let files = if found { std::slice::from_ref(&beside) } else { given };
    let mut checked = Vec::new();
    for file in files {
        checked.extend(Samples::read(&read(file)?, file)?.check(&dialect)?);
    }
    if context.json {
        output::json(&serde_json::json!({
            "dialect": dialect.name(),
            "rotation": dialect.rotation().to_string(),
            "samples": &checked,
        }))?;
    } else {
        shown(&dialect, &checked, &beside)?;
    }
    match checked.iter().filter(|one| !one.is_as_expected()).count() {
        0 => Ok(()),
        wrong => Err(Stop::samples(format!(
            "{wrong} of {} samples are judged otherwise than expected: correct {}, or what the samples expect",
            checked.len(),
            file.display()
        ))),
    }
}

fn shown(dialect: &Dialect, checked: &[Checked], beside: &Path) -> Done {
    output::line(&format!("{}, rotation {}: read without mistakes", dialect.name(), dialect.rotation()))?;
    for one in checked {
        output::line(&one.to_string())?;
    }
    if checked.is_empty() {
        output::line(&format!(
            "no samples: write some into {} (rekindle dialect check --help)",
            beside.display()
        ))?;
    }
    Ok(())
}

fn read(file: &Path) -> Done<String> {
    std::fs::read_to_string(file)
        .map_err(|error| Stop::config(format!("{} cannot be read: {error}", file.display())))
}
