//! What a person sees while it happens.

use super::plan::Plan;
use super::scene::Scene;
use super::table::Row;
use super::worker::Outcome;
use crate::exit::Done;
use crate::output;

#[derive(Clone)]
pub(crate) struct Live {
    shown: bool,
}

impl Live {
    /// For programs nothing is shown.
    pub(crate) fn new(shown: bool) -> Self {
        Self { shown }
    }

    pub(crate) fn opening(&self, plan: &Plan) -> Done {
        self.line(&format!(
            "{} requests, {} at once, from {} processes that share one credential; its access token has expired.",
            plan.requests, plan.at_once, plan.processes
        ))
    }

    pub(crate) fn scene(&self, scene: &Scene) -> Done {
        self.line("")?;
        self.line(&format!("{}, {}: {}", scene.dialect(), scene.scenario(), scene.words()))
    }

    pub(crate) fn event(&self, process: usize, event: &str) -> Done {
        self.line(&format!("  process {process}  {event}"))
    }

    pub(crate) fn ending(&self, row: &Row, outcome: &Outcome) -> Done {
        self.line(&format!(
            "  {} answered, {} sent again with the new token; the server granted {}, and detected {} reuses",
            row.succeeded, row.replays, row.refreshes, row.reuse_detected
        ))?;
        let shown = outcome.failures.iter().take(3);
        shown.into_iter().try_for_each(|failure| self.line(&format!("  failed: {failure}")))
    }

    fn line(&self, text: &str) -> Done {
        if self.shown { output::line(text) } else { Ok(()) }
    }
}
