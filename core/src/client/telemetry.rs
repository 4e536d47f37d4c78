//! Reports a request to `tracing` and `metrics` (spec 10.5): its method, origin and status, without path and query,
//! which may contain secrets.

use super::response::{Parts, Response};
use super::{Client, send};
use crate::error::Error;

/// Sends it in the span `rekindle.request`.
pub(super) async fn send(client: Client, parts: Box<Parts>) -> Result<Response, Error> {
    let setup = client.session().setup().clone();
    #[cfg(feature = "tracing")]
    // Fields are evaluated only where a subscriber wants the span.
    let span = tracing::info_span!(
        target: "rekindle", "rekindle.request", app = setup.app(), dialect = setup.dialect.name(),
        method = parts.request.method.as_str(), origin = parts.request.url.origin().ascii_serialization(),
        status = tracing::field::Empty, error = tracing::field::Empty
    );
    // Boxed: callers keep the future.
    let sending = Box::pin(send::send(client, parts));
    #[cfg(feature = "tracing")]
    let sending = tracing::Instrument::instrument(sending, span.clone());
    let result = sending.await;
    #[cfg(feature = "tracing")]
    match &result {
        Ok(response) => span.record("status", response.status().as_u16()),
        Err(error) => span.record("error", error.kind().name()),
    };
    #[cfg(feature = "metrics")]
    {
        let outcome = match &result {
            Ok(response) => CLASSES[usize::from(response.status().as_u16() / 100).min(CLASSES.len() - 1)],
            Err(error) => error.kind().name(),
        };
        let (app, dialect) = (setup.app().to_owned(), setup.dialect.name().to_owned());
        metrics::counter!("rekindle_requests_total", "app" => app, "dialect" => dialect, "outcome" => outcome)
            .increment(1);
    }
    result
}

#[cfg(feature = "metrics")]
const CLASSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];
