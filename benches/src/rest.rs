//! Sessions that nobody uses at the moment: what each keeps in memory, and how fast one is had by its key.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle::clock::Clock;
use rekindle::{App, Credential, Expiry, Session};
use tokio::runtime::Builder;

use crate::alloc::counted;

/// What was found.
pub(crate) struct Figures {
    /// Of one session that was used and is held.
    pub(crate) bytes: i64,
    /// Of the same after it was let go of: its record alone, in a store in memory.
    pub(crate) bytes_let_go: i64,
    /// To have a session by its key, where it is in memory.
    pub(crate) micros_known: f64,
    /// The same where it is not.
    pub(crate) micros_new: f64,
}

/// Sessions of one app, one for each of its users, each of which has served its token.
pub(crate) fn measured(clock: &Arc<dyn Clock>, many: usize) -> Figures {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let app = App::builder("oauth2")
        .token_url("https://auth.example.com/oauth/token")
        .client_id("app")
        .origin("https://api.example.com")
        .clock(Arc::clone(clock))
        .idle_sessions(many / 100)
        .build()
        .expect("an app");
    let keys: Vec<String> = (0..many).map(|number| format!("user-{number}")).collect();
    let mut sessions: Vec<Session> = Vec::with_capacity(many);
    let serve = |session: Session| {
        runtime.block_on(async {
            session.token().await.expect("a token");
            assert!(session.shutdown(Duration::from_secs(5)).await);
        });
        session
    };
    // What the first one makes for all.
    drop(serve(app.seeded_session("the first", credential()).expect("a session")));
    let (micros_known, allocated) = counted(|| {
        for key in &keys {
            sessions.push(serve(app.seeded_session(key, credential()).expect("a session")));
        }
        micros(&app, &keys)
    });
    let ((), released) = counted(|| sessions.clear());
    let micros_new = micros(&app, &keys);
    let each = |bytes: i64| bytes / i64::try_from(many).unwrap_or(1);
    Figures {
        bytes: each(allocated.live),
        bytes_let_go: each(allocated.live + released.live),
        micros_known,
        micros_new,
    }
}

/// For one session, on average over all.
fn micros(app: &App, keys: &[String]) -> f64 {
    let begun = Instant::now();
    for key in keys {
        drop(black_box(app.session(key).expect("a session")));
    }
    begun.elapsed().as_secs_f64() * 1e6 / keys.len() as f64
}

fn credential() -> Credential {
    Credential {
        access_token: Some("at-0123456789abcdef0123456789abcdef".into()),
        refresh_token: Some("rt-0123456789abcdef0123456789abcdef".into()),
        expiry: Some(Expiry::In(Duration::from_secs(3600))),
        ..Credential::default()
    }
}

#[cfg(test)]
mod tests {
    use rekindle::clock::SystemClock;

    use super::*;

    // spec 4.11
    #[test]
    fn a_session_at_rest_takes_less_than_2_kb_and_one_that_was_let_go_of_little_more_than_its_record() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let found = measured(&clock, 12_500);
        assert!(found.bytes < 2_048, "{} B", found.bytes);
        assert!(found.bytes_let_go < 768, "{} B", found.bytes_let_go);
    }
}
