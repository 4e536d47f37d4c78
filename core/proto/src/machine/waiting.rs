//! What callers without a token wait for: shown in errors when their time runs out, and in the status (spec 4.13).

use std::time::Duration;

use super::Machine;
use crate::error::{ErrorKind, Failure};
use crate::time::Now;

/// What a refresh waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiting {
    /// The token endpoint has the request.
    TokenEndpoint,
    /// The token endpoint was temporarily unavailable; the request will be repeated.
    NextTry,
    /// The store.
    Store,
    /// Another process has the lease.
    OthersLease,
    /// Another process refreshes at the same moment, according to the server.
    OthersRefresh,
    /// The process that was refreshing ended before it stored the response. It is unknown whether the refresh token
    /// was used; it is sent again once the first request must have ended.
    VanishedOwner,
    /// The last refresh was a moment ago.
    TooSoon,
}

impl Waiting {
    /// The name, the same in every language.
    ///
    /// ```
    /// assert_eq!(rekindle_proto::machine::Waiting::VanishedOwner.name(), "vanished_owner");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenEndpoint => "token_endpoint",
            Self::NextTry => "next_try",
            Self::Store => "store",
            Self::OthersLease => "others_lease",
            Self::OthersRefresh => "others_refresh",
            Self::VanishedOwner => "vanished_owner",
            Self::TooSoon => "too_soon",
        }
    }
}

impl Machine {
    /// The failure of a caller whose time ran out: what it waited for, and until when.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rekindle_proto::{*, machine::*};
    /// # let config = MachineConfig::new(Rotation::Strict, Binding::default());
    /// let mut machine = Machine::new(config, None, Entropy::new([7; 32]));
    /// machine.open();
    /// let failure = machine.timed_out(Now::default());
    /// assert_eq!(failure.kind, ErrorKind::Timeout);
    /// assert!(failure.message.contains("store"));
    /// ```
    #[must_use]
    pub fn timed_out(&self, now: Now) -> Failure {
        let (why, left) = self.waiting(now).unwrap_or((Waiting::Store, None));
        let seconds = left.map_or(0, |left| left.as_secs() + 1);
        let endpoint = &self.context.config.binding.token_endpoint;
        let what = match (why, left) {
            (Waiting::TokenEndpoint, Some(_)) => {
                format!(
                    "{endpoint} has not responded yet; it has another {seconds} s, and its result will be stored"
                )
            }
            (Waiting::TokenEndpoint, None) => "the refresh function has not returned yet".to_owned(),
            (Waiting::NextTry, _) => {
                format!("{endpoint} is temporarily unavailable; the refresh is retried in {seconds} s")
            }
            (Waiting::Store, _) => "the credential store has not responded yet".to_owned(),
            (Waiting::OthersLease, _) => {
                "another process is refreshing, and has not stored its result yet".to_owned()
            }
            (Waiting::OthersRefresh, _) => {
                "another client is refreshing at the same moment; waiting for its result".to_owned()
            }
            (Waiting::VanishedOwner, _) => format!(
                "the process that was refreshing ended before it stored the response; its refresh token is sent again in \
                 {seconds} s (`rotation` and `send_timeout` decide that)"
            ),
            (Waiting::TooSoon, _) => {
                format!("the last refresh was a moment ago; the next one starts in {seconds} s")
            }
        };
        let failure = Failure::new(ErrorKind::Timeout, format!("no token in time: {what}"));
        match left {
            Some(left) => failure.after(left),
            None => failure,
        }
    }

    /// What is waited for, and the maximum remaining time.
    pub(super) fn waiting(&self, now: Now) -> Option<(Waiting, Option<Duration>)> {
        let store = (self.write.is_some() || self.commit.is_some()).then_some((Waiting::Store, None));
        let flight = self.flight.as_ref().map(|flight| flight.waiting());
        let (why, until) = flight.or(store)?;
        let lease = || self.context.held()?.record.lease.as_deref();
        let left = match why {
            Waiting::OthersLease => {
                lease().map(|lease| lease.until.left(now, self.context.boot(), self.context.config.lease))
            }
            _ => until.map(|until| until.saturating_sub(now.mono)),
        };
        Some((why, left))
    }
}
