//! The PHP extension `rekindle`: the hosted core, as one class. The Composer package drives it, as it does through FFI where this
//! extension is not loaded. Messages and effects: `bindings/hosted/ABI.md`.
#![cfg(feature = "extension")]

use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use rekindle_hosted::abi::{rekindle_abi_version, rekindle_boot_time_ms};

/// The core of one request or process. It starts no thread and opens no socket.
#[php_class]
#[php(name = "Rekindle\\Extension\\Core", flags = ClassFlags::Final)]
pub struct Core(rekindle_hosted::Core);

#[php_impl]
impl Core {
    /// `seed`: 32 bytes that nobody can guess. `boot` names the beginning of the machine's clock; empty where it is not known.
    pub fn __construct(seed: BinarySlice<u8>, boot: &str) -> PhpResult<Self> {
        let seed = seed[..].try_into().map_err(|_| "the seed must have 32 bytes")?;
        Ok(Self(rekindle_hosted::Core::new(seed, Some(boot).filter(|boot| !boot.is_empty()))))
    }

    /// The version of the messages.
    pub fn abi_version() -> u32 {
        rekindle_abi_version()
    }

    /// A clock that counts suspension too, and that other processes share.
    pub fn boot_time_ms() -> f64 {
        rekindle_boot_time_ms()
    }

    /// One turn: takes messages (a JSON array), gives what is to be done, as JSON.
    pub fn turn(&self, mono_ms: f64, wall_ms: f64, messages: &str) -> String {
        self.0.turn(mono_ms, wall_ms, messages)
    }

    /// Stands for the token that is valid now; 0: there is none. Its top bit says that a turn is due.
    pub fn tag(&self, session: u32, mono_ms: f64, wall_ms: f64) -> u32 {
        self.0.tag(session, mono_ms, wall_ms)
    }
}

/// What PHP is told when it loads the extension.
#[php_module]
pub fn module(module: ModuleBuilder) -> ModuleBuilder {
    module.name("rekindle").class::<Core>()
}
