//! For what nothing tells: looked at until it has come.

use std::time::{Duration, Instant};

pub(crate) async fn until(what: &str, mut come: impl FnMut() -> bool) {
    let began = Instant::now();
    while !come() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came: {what}");
        tokio::task::yield_now().await;
    }
}
