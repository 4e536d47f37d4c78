//! The figures as a table, with what was aimed at.

use std::fmt::Write as _;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    AtLeast(f64),
    AtMost(f64),
    Exactly(f64),
}

/// One figure.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
    pub(crate) aim: Aim,
    /// What stands behind it.
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn met(&self) -> bool {
        match self.aim {
            Aim::AtLeast(aim) => self.measured >= aim,
            Aim::AtMost(aim) => self.measured <= aim,
            Aim::Exactly(aim) => (self.measured - aim).abs() < f64::EPSILON,
        }
    }

    /// How much of what is allowed it takes: 1 is the aim itself, less is better.
    pub(crate) fn share(&self) -> f64 {
        match self.aim {
            Aim::AtLeast(aim) => aim / self.measured,
            Aim::AtMost(aim) => self.measured / aim,
            Aim::Exactly(aim) => (self.measured + 1.0) / (aim + 1.0),
        }
    }

    pub(crate) fn figure(&self) -> String {
        format!("{}{}", number(self.measured, self.unit), self.unit)
    }

    pub(crate) fn goal(&self) -> String {
        let (sign, aim) = match self.aim {
            Aim::AtLeast(aim) => ("≥ ", aim),
            Aim::AtMost(aim) => ("≤ ", aim),
            Aim::Exactly(aim) => ("", aim),
        };
        format!("{sign}{}{}", number(aim, self.unit), self.unit)
    }
}

fn number(value: f64, unit: &str) -> String {
    match unit {
        "×" => format!("{value:.2}"),
        " MB" => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Markdown, as the README shows it.
pub(crate) fn markdown(rows: &[Row], versions: &str) -> String {
    let mut text = String::from("| what | measured | aim | |\n|---|---:|---:|---|\n");
    for row in rows {
        let missed = if row.met() { "" } else { "**missed**" };
        let joint = if missed.is_empty() || row.note.is_empty() { "" } else { "; " };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {missed}{joint}{} |",
            row.what,
            row.figure(),
            row.goal(),
            row.note
        );
    }
    let _ = writeln!(text, "\n{versions}");
    text
}
