//! The built command against loopback servers, as a shell sees it: output, errors, exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod accounts;
mod client_credentials;
mod config;
mod curl;
mod curl_options;
mod demo;
mod dialect;
mod exit_codes;
mod json;
#[cfg(target_os = "linux")]
mod mounted;
mod processes;
mod scripting;
mod secrets;
mod session;
mod sign_in;
mod terminal;
mod trust;
mod with_curl;
mod world;
