//! The whole core, driven by its host: no thread, no clock, no randomness, no I/O of its own. As WebAssembly it imports
//! nothing. `ABI.md` describes the messages.
//!
//! ```
//! use rekindle_hosted::Core;
//! use serde_json::{Value, json};
//!
//! let core = Core::new([7; 32], None); // 32 random bytes
//! let settings = json!({ "token_url": "https://auth.example.com/token", "tokens": { "access_token": "at-1" } });
//! let messages = json!([
//!     { "do": "session", "call": 1, "session": 1, "settings": settings },
//!     { "do": "token", "call": 2, "session": 1 },
//! ]);
//! let said: Value = serde_json::from_str(&core.turn(1_000.0, 1.9e12, &messages.to_string())).unwrap();
//! let done = said["effects"].as_array().unwrap().iter().find(|effect| effect["call"] == 2).unwrap();
//! assert_eq!(done["ok"]["token"], "at-1");
//! ```

pub mod abi;
mod calls;
mod core;
mod host;
mod login;
mod message;
mod outbox;
mod response;
mod settings;
mod shown;
mod sign_in;

pub use self::core::Core;
