//! Spans, events and metrics (spec 10.5), and that no secret is in them. One test: both listeners are the process's.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata as MetricMetadata, Recorder, SharedString, Unit,
};
use rekindle::{Client, Session};
use rekindle_test_server::{Script, Step, TestServer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Everything that is told, as text.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>, Arc<AtomicU64>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Told {
    fn add(&self, begin: &str, fill: impl FnOnce(&mut Text)) {
        let mut text = Text(begin.to_owned());
        fill(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

impl Subscriber for Told {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if span.metadata().target() == "rekindle" {
            self.add(span.metadata().name(), |text| span.record(text));
        }
        Id::from_u64(self.1.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.add("record", |text| values.record(text));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "rekindle" {
            self.add(event.metadata().level().as_str(), |text| event.record(text));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Clone, Default)]
struct Counted(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &MetricMetadata<'_>) -> Counter {
        let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
        let name = format!("{} {}", key.name(), labels.collect::<Vec<_>>().join(" "));
        Counter::from_arc(self.0.lock().unwrap().entry(name).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &MetricMetadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, metadata: &MetricMetadata<'_>) -> Histogram {
        self.register_counter(key, metadata).increment(1);
        Histogram::noop()
    }
}

// spec 10.5, 9.3
#[tokio::test]
async fn spans_events_and_metrics_tell_what_happened_and_no_secret() {
    let (told, counted) = (Told::default(), Counted::default());
    tracing::subscriber::set_global_default(told.clone()).unwrap();
    metrics::set_global_recorder(counted.clone()).unwrap();

    let granted = r#"{"access_token":"sentinel-at-2","refresh_token":"sentinel-rt-2","expires_in":900}"#;
    let script = Script::new()
        .step(Step::on("GET", "/sentinel-path").text(401, "sentinel-answer"))
        .step(Step::on("POST", "/token").text(200, granted).header("content-type", "application/json"))
        .step(Step::on("GET", "/sentinel-path").text(404, "sentinel-answer"))
        .step(
            Step::on("POST", "/token")
                .text(400, r#"{"error":"invalid_grant","error_description":"sentinel-description"}"#)
                .header("content-type", "application/json"),
        );
    let server = TestServer::start(script).unwrap();
    let api = server.base_url();
    let session = Session::builder("oauth2")
        .app_name("billing")
        .token_url(format!("{api}/token"))
        .client_id("app")
        .client_secret("sentinel-client-secret")
        .tokens("sentinel-at-1", "sentinel-rt-1")
        .build()
        .unwrap();
    let client = Client::new(session.clone(), &api).unwrap();
    let request =
        || client.get("/sentinel-path").query(&[("q", "sentinel-query")]).header("x-key", "sentinel-header");
    assert_eq!(request().send().await.unwrap().status(), 404);
    session.force_refresh().await.unwrap_err();
    session.shutdown(std::time::Duration::from_secs(60)).await;

    let told = told.0.lock().unwrap().join("\n");
    assert!(!told.contains("sentinel"), "{told}");
    for wanted in [
        "rekindle.request app=\"billing\" dialect=\"oauth2\" method=\"GET\" origin=",
        "record status=404",
        "rekindle.wait app=\"billing\"",
        "rekindle.refresh app=\"billing\" dialect=\"oauth2\"",
        "record outcome=\"granted\"",
        "record outcome=\"rejected\"",
        "INFO message=RefreshSucceeded app=\"billing\"",
        "WARN message=LoginRequired app=\"billing\"",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in\n{told}");
    }
    let counted = counted.0.lock().unwrap();
    let count = |name: &str| counted.get(name).map_or(0, |count| count.load(Ordering::Relaxed));
    for (wanted, times) in [
        ("rekindle_requests_total app=billing dialect=oauth2 outcome=4xx", 1),
        ("rekindle_refresh_outcomes_total app=billing dialect=oauth2 outcome=granted reason=", 1),
        (
            "rekindle_refresh_outcomes_total app=billing dialect=oauth2 outcome=login_required reason=rejected",
            1,
        ),
        ("rekindle_refresh_seconds app=billing dialect=oauth2", 1),
        ("rekindle_events_total app=billing dialect=oauth2 event=Replayed", 1),
    ] {
        assert_eq!(count(wanted), times, "{wanted} in {:?}", counted.keys());
    }
    assert!(counted.keys().all(|name| !name.contains("sentinel")), "{:?}", counted.keys());
}
