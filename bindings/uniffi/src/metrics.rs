//! The counters of sessions and apps with labels.

use std::collections::HashMap;
use std::sync::Arc;

use crate::app::App;
use crate::error::RekindleError;
use crate::session::Session;

/// A session or an app whose counters are told.
#[derive(uniffi::Record)]
pub struct Counted {
    /// The label `app`.
    pub name: String,
    /// It, if it is a session.
    #[uniffi(default = None)]
    pub session: Option<Arc<Session>>,
    /// It, if it is an app.
    #[uniffi(default = None)]
    pub app: Option<Arc<App>>,
}

/// The counters of all of them in the Prometheus text format, with further labels for every line.
///
/// # Errors
///
/// InvalidConfig: a label has no name of a label, or one that is taken.
#[uniffi::export]
pub fn metrics_text(counted: Vec<Counted>, labels: HashMap<String, String>) -> Result<String, RekindleError> {
    let of = |one: &Counted| {
        let session =
            one.session.as_ref().map(|it| (it.inner().dialect().name().to_owned(), it.inner().stats()));
        session.or_else(|| {
            one.app.as_ref().map(|it| (it.inner().dialect().name().to_owned(), it.inner().stats()))
        })
    };
    let told = counted.iter().filter_map(|one| {
        let (dialect, stats) = of(one)?;
        Some(rekindle_bindings::Counted { app: one.name.clone(), dialect, stats })
    });
    Ok(rekindle_bindings::metrics_text(&told.collect::<Vec<_>>(), &labels.into_iter().collect())?)
}
