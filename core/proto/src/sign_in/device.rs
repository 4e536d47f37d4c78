//! Signing in on another device (RFC 8628): the instructions for the user, and the polling of the server.

use std::time::Duration;

use serde::Deserialize;

use super::explain::explain;
use super::grant::SignInGrant;
use crate::credential::Secret;
use crate::error::{ErrorKind, Failure};
use crate::verdict::{Outcome, ServerError};

/// The instructions to show to the user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct DeviceAuthorization {
    pub(super) device_code: Secret,
    /// The code that the user enters at `verification_uri`.
    pub user_code: String,
    /// The URL that the user opens on any device.
    #[serde(alias = "verification_url")]
    pub verification_uri: String,
    /// The URL that includes the code, for a QR code or a link.
    #[serde(default)]
    pub verification_uri_complete: Option<String>,
    expires_in: Option<u64>,
    interval: Option<u64>,
}

impl DeviceAuthorization {
    /// Parses the response of a device authorization endpoint.
    ///
    /// ```
    /// use rekindle_proto::sign_in::DeviceAuthorization;
    ///
    /// let body = br#"{"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://auth.example.com/device",
    ///     "expires_in": 900}"#;
    /// assert_eq!(DeviceAuthorization::read(body)?.user_code, "WDJB-MJHT");
    /// # Ok::<(), rekindle_proto::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// InvalidResponse if the body is not such a response, or contains a URL that is not a web address.
    pub fn read(body: &[u8]) -> Result<Self, Failure> {
        let invalid = |what: &str| {
            Failure::new(ErrorKind::InvalidResponse, format!("the device authorization endpoint {what}"))
        };
        let read: Self =
            serde_json::from_slice(body).map_err(|_| invalid("returned no device code: check its URL"))?;
        let shown = [Some(&read.verification_uri), read.verification_uri_complete.as_ref()];
        let is_web = |text: &String| {
            url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
                && !text.contains(char::is_control)
        };
        if !shown.into_iter().flatten().all(is_web) || read.user_code.contains(char::is_control) {
            return Err(invalid("names an address that is not a web address"));
        }
        Ok(read)
    }

    /// Returns the grant to send to the token endpoint.
    #[must_use]
    pub fn grant(&self) -> SignInGrant {
        SignInGrant::DeviceCode { device_code: self.device_code.clone() }
    }

    /// Starts polling at this time of the monotonic clock.
    #[must_use]
    pub fn polling(&self, now: Duration) -> DevicePolling {
        let life = Duration::from_secs(self.expires_in.unwrap_or(15 * 60).min(24 * 60 * 60));
        let interval = Duration::from_secs(self.interval.unwrap_or(5).clamp(1, 300));
        DevicePolling { interval, next: now + interval, until: now + life, grant: self.grant() }
    }
}

/// The polling schedule of the token endpoint (RFC 8628 section 3.5).
#[derive(Clone, Debug)]
pub struct DevicePolling {
    interval: Duration,
    next: Duration,
    until: Duration,
    grant: SignInGrant,
}

impl DevicePolling {
    /// Returns when to poll next, on the monotonic clock.
    ///
    /// # Errors
    ///
    /// LoginRequired if the device code has expired.
    pub fn next(&self) -> Result<Duration, Failure> {
        if self.next < self.until { Ok(self.next) } else { Err(over()) }
    }

    /// Handles a response: poll again at [`next`](Self::next), or give up.
    ///
    /// # Errors
    ///
    /// The reason why the sign-in can no longer succeed.
    pub fn heard(&mut self, outcome: &Outcome, said: ServerError, now: Duration) -> Result<(), Failure> {
        match (said.oauth_error.as_deref(), outcome) {
            (Some("authorization_pending"), _) => {}
            // For good, not once.
            (Some("slow_down"), _) => self.interval += Duration::from_secs(5),
            (Some("expired_token"), _) => return Err(over()),
            (Some("access_denied"), _) => {
                let message =
                    "the sign-in was declined on the other device; ask the user, then start it again";
                return Err(Failure {
                    oauth_error: said.oauth_error,
                    ..Failure::new(ErrorKind::LoginRequired, message)
                });
            }
            (_, Outcome::NotSent | Outcome::Lost(_)) => {
                self.interval = (self.interval * 2).min(Duration::from_secs(300))
            }
            (_, Outcome::RateLimited { after } | Outcome::RetrySame { after }) => {
                self.interval += Duration::from_secs(5);
                self.next = now + self.interval.max(after.unwrap_or_default());
                return Ok(());
            }
            (_, Outcome::NonceRequired(_)) => {
                // Nothing was looked at yet.
                self.next = now;
                return Ok(());
            }
            _ => return Err(explain(&self.grant, outcome, said)),
        }
        self.next = now + self.interval;
        Ok(())
    }
}

fn over() -> Failure {
    let message = "the device code expired before anybody signed in with it: start the sign-in again";
    Failure { oauth_error: Some("expired_token".into()), ..Failure::new(ErrorKind::LoginRequired, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{DeadReason, Lost};

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn polling(interval: &str) -> DevicePolling {
        let body = format!(
            "{{\"device_code\":\"SENTINEL\",\"user_code\":\"A\",\"verification_uri\":\"https://a.example\",\"expires_in\":100{interval}}}"
        );
        let read = DeviceAuthorization::read(body.as_bytes()).unwrap();
        assert!(!format!("{read:?}").contains("SENTINEL"));
        read.polling(seconds(1000))
    }

    fn said(code: &str) -> ServerError {
        ServerError { oauth_error: Some(code.into()), ..ServerError::default() }
    }

    const UNKNOWN: Outcome = Outcome::Unknown { status: 400 };

    // spec 12.10
    #[test]
    fn it_waits_for_the_interval_and_five_seconds_more_for_good_when_told_to_slow_down() {
        let mut polling = polling("");
        assert_eq!(polling.next().unwrap(), seconds(1005));
        polling.heard(&UNKNOWN, said("authorization_pending"), seconds(1005)).unwrap();
        assert_eq!(polling.next().unwrap(), seconds(1010));
        polling.heard(&UNKNOWN, said("slow_down"), seconds(1010)).unwrap();
        assert_eq!(polling.next().unwrap(), seconds(1020));
        polling.heard(&UNKNOWN, said("authorization_pending"), seconds(1020)).unwrap();
        assert_eq!(polling.next().unwrap(), seconds(1030));
    }

    // spec 12.10
    #[test]
    fn a_network_that_fails_is_asked_half_as_often_and_a_nonce_at_once() {
        let mut polling = polling(",\"interval\":2");
        polling.heard(&Outcome::Lost(Lost::Broken), ServerError::default(), seconds(1002)).unwrap();
        assert_eq!(polling.next().unwrap(), seconds(1006));
        polling.heard(&Outcome::NotSent, ServerError::default(), seconds(1006)).unwrap();
        assert_eq!(polling.next().unwrap(), seconds(1014));
        polling.heard(&Outcome::NonceRequired(None), said("use_dpop_nonce"), seconds(1014)).unwrap();
        assert_eq!(polling.next().unwrap(), seconds(1014));
    }

    // spec 12.10
    #[test]
    fn it_ends_when_the_code_is_over_or_the_user_says_no_and_at_any_other_error() {
        let mut one = polling("");
        one.heard(&UNKNOWN, said("authorization_pending"), seconds(1096)).unwrap();
        assert_eq!(one.next().unwrap_err().oauth_error.as_deref(), Some("expired_token"));
        for (code, kind) in [
            ("access_denied", ErrorKind::LoginRequired),
            ("expired_token", ErrorKind::LoginRequired),
            ("odd", ErrorKind::ClientRejected),
        ] {
            assert_eq!(
                polling("").heard(&UNKNOWN, said(code), seconds(1005)).unwrap_err().kind,
                kind,
                "{code}"
            );
        }
        let dead = Outcome::Dead(DeadReason::Rejected);
        assert!(
            polling("")
                .heard(&dead, said("invalid_grant"), seconds(1005))
                .unwrap_err()
                .message
                .contains("device code")
        );
    }

    // spec 12.10
    #[test]
    fn the_user_is_led_to_web_addresses_only() {
        for uri in ["javascript:alert(1)", "file:///etc/passwd", "\\u001b]52;c;eA==", ""] {
            let body =
                format!("{{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"{uri}\"}}");
            assert!(DeviceAuthorization::read(body.as_bytes()).is_err(), "{uri}");
        }
        assert!(DeviceAuthorization::read(b"<html>").is_err());
    }
}
