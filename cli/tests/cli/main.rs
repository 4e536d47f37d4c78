//! The built command against loopback servers, as a shell sees it: output, errors, exit codes.

mod config;
mod curl;
mod demo;
mod exit_codes;
mod json;
mod processes;
mod secrets;
mod session;
mod world;
