//! Counters of a session (spec 10.2).

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rekindle_proto::event::EventKind;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident, $help:literal;)*) => {
        /// Small counters for a session, of which there are many; large ones for an app.
        #[derive(Default)]
        pub(crate) struct Counters<C> {
            $($name: C,)*
        }

        /// The counters of a session since it was created (spec 10.2).
        ///
        /// ```
        /// # fn f(session: rekindle::Session) {
        /// let stats = session.stats();
        /// println!("{} refreshes, {} replays\n{}", stats.refreshes, stats.replays, stats.to_prometheus());
        /// # }
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl<C: Counter> Counters<C> {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.read(),)* }
            }
        }

        impl Stats {
            /// The counters in the Prometheus text format.
            ///
            /// ```
            /// let text = rekindle::Stats::default().to_prometheus();
            /// assert!(text.contains("\nrekindle_refreshes_total 0\n"));
            /// ```
            #[must_use]
            pub fn to_prometheus(&self) -> String {
                let mut text = String::new();
                $(
                    let name = concat!("rekindle_", stringify!($name), "_total");
                    let _ = write!(text, "# HELP {name} {}\n# TYPE {name} counter\n{name} {}\n", $help, self.$name);
                )*
                text
            }

            /// The name and value of each counter.
            ///
            /// ```
            /// for (name, value) in rekindle::Stats::default().entries() {
            ///     assert_eq!(value, 0, "{name}");
            /// }
            /// ```
            #[must_use]
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Credentials from a sign-in.
    sign_ins, "Sign-ins.";
    /// Refreshes started.
    refreshes_started, "Refreshes started.";
    /// Refreshes that returned a token.
    refreshes, "Refreshes that returned a token.";
    /// Refreshes that failed.
    refresh_failures, "Refreshes that failed.";
    /// Tokens adopted from the store after another process refreshed them.
    adoptions, "Tokens adopted from another process.";
    /// Tokens taken from API responses (`[response_tokens]`).
    renewals, "Tokens taken from API responses.";
    /// Changes of what is kept beside the tokens.
    extra_changes, "Changes of what is kept beside the tokens.";
    /// Callers that waited for a refresh.
    waiters, "Callers that waited for a refresh.";
    /// Credentials that could not be saved at once.
    unpersisted, "Credentials that could not be saved at once.";
    /// Credentials that were saved later.
    persisted_late, "Credentials that were saved later.";
    /// Requests sent again with another token.
    replays, "Requests sent again with another token.";
    /// Requests sent again after a transient failure.
    retries, "Requests sent again after a transient failure.";
    /// Credentials lost: `invalid_grant` and the like.
    logins_required, "Credentials lost, the user must sign in.";
    /// Refreshes refused because there were too many.
    refresh_limited, "Refreshes refused because there were too many.";
    /// Sign-outs.
    sign_outs, "Sign-outs.";
    /// Warnings.
    warnings, "Warnings.";
    /// Events dropped because the queue was full.
    dropped, "Events dropped from a full queue.";
}

/// One counter.
pub(crate) trait Counter: Default {
    fn add(&self, by: u64);
    fn read(&self) -> u64;
}

impl Counter for AtomicU32 {
    fn add(&self, by: u64) {
        // Saturates at its maximum, within the number of threads.
        let by = u32::try_from(by).unwrap_or(u32::MAX).min(u32::MAX - self.load(Ordering::Relaxed));
        self.fetch_add(by, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.load(Ordering::Relaxed).into()
    }
}

impl Counter for AtomicU64 {
    fn add(&self, by: u64) {
        self.fetch_add(by, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }
}

impl<C: Counter> Counters<C> {
    pub(super) fn count_waiter(&self) {
        self.waiters.add(1);
    }

    pub(super) fn count_dropped(&self, events: usize) {
        self.dropped.add(events as u64);
    }

    pub(super) fn count(&self, kind: &EventKind) {
        let counter = match kind {
            EventKind::SignedIn => &self.sign_ins,
            EventKind::RefreshStarted { .. } => &self.refreshes_started,
            EventKind::RefreshSucceeded { .. } => &self.refreshes,
            EventKind::RefreshFailed { .. } => &self.refresh_failures,
            EventKind::Adopted => &self.adoptions,
            EventKind::Renewed => &self.renewals,
            EventKind::ExtraChanged { .. } => &self.extra_changes,
            EventKind::Unpersisted => &self.unpersisted,
            EventKind::Persisted => &self.persisted_late,
            EventKind::Replayed => &self.replays,
            EventKind::Retried => &self.retries,
            EventKind::LoginRequired { .. } => &self.logins_required,
            EventKind::RefreshLimited => &self.refresh_limited,
            EventKind::SignedOut => &self.sign_outs,
            _ => &self.warnings,
        };
        counter.add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 10.2
    #[test]
    fn counters_are_prometheus_text() {
        let counters = Counters::<AtomicU32>::default();
        counters.count(&EventKind::Adopted);
        let text = counters.read().to_prometheus();
        assert!(
            text.contains("# TYPE rekindle_adoptions_total counter\nrekindle_adoptions_total 1\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3 * counters.read().entries().len());
    }

    #[test]
    fn a_small_counter_does_not_begin_anew() {
        let counter = AtomicU32::new(u32::MAX - 1);
        counter.add(5);
        assert_eq!(Counter::read(&counter), u64::from(u32::MAX));
    }
}
