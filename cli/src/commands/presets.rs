//! `rekindle presets`: the dialects that come along.

use rekindle::Dialect;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Done, Stop};
use crate::output;

#[derive(Serialize)]
struct Shown {
    name: &'static str,
    rotation: String,
    description: String,
}

pub(crate) fn run(context: &Context, name: Option<&str>) -> Done {
    match name {
        Some(name) => text(name),
        None if context.json => output::json(&all().collect::<Vec<_>>()),
        None => list(),
    }
}

fn text(name: &str) -> Done {
    let Some(text) = Dialect::preset_text(name) else {
        return Err(Stop::usage(format!("there is no preset `{name}`; rekindle presets lists them")));
    };
    output::lines(text.trim_end())
}

fn list() -> Done {
    let all: Vec<Shown> = all().collect();
    let width = all.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    for Shown { name, rotation, description } in all {
        output::line(&format!("{name:width$}  {rotation:20}  {description}"))?;
    }
    output::lines("\nOne of them as a file to start from: rekindle presets NAME")
}

fn all() -> impl Iterator<Item = Shown> {
    Dialect::presets().map(|preset| Shown {
        name: preset.name,
        rotation: preset.rotation.to_string(),
        description: preset.description,
    })
}
