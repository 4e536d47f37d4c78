//! The functions that a host calls. The only unsafe code: it trusts the host's pointers and lengths.
#![allow(unsafe_code)]

use std::slice;

use crate::core::Core;
use crate::outbox::lock;

/// What a host holds: the core, and its last output.
pub struct Handle {
    core: Core,
    output: std::sync::Mutex<String>,
}

/// Raised with each change that an older host would not understand.
const VERSION: u32 = 1;

/// The version of these functions and of their messages.
#[unsafe(no_mangle)]
pub extern "C" fn rekindle_abi_version() -> u32 {
    VERSION
}

/// Memory for what the host passes in. Null if there is none left.
#[unsafe(no_mangle)]
pub extern "C" fn rekindle_alloc(length: usize) -> *mut u8 {
    let mut bytes: Vec<u8> = Vec::new();
    if bytes.try_reserve_exact(length).is_err() {
        return std::ptr::null_mut();
    }
    bytes.resize(length, 0);
    Box::into_raw(bytes.into_boxed_slice()).cast()
}

/// Gives memory back, and wipes it: tokens may have been in it.
///
/// # Safety
///
/// `memory` is from [`rekindle_alloc`] with the same length, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rekindle_free(memory: *mut u8, length: usize) {
    if memory.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let mut bytes = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(memory, length)) };
    bytes.fill(0);
    std::hint::black_box(&bytes);
}

/// A core of its own. `seed`: 32 bytes that nobody can guess. `boot` (UTF-8, may be empty): names the beginning of the monotonic
/// clock, where other processes share that clock.
///
/// # Safety
///
/// `seed` points to 32 bytes, `boot` to `boot_length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rekindle_new(seed: *const u8, boot: *const u8, boot_length: usize) -> *mut Handle {
    let mut bytes = [0; 32];
    // SAFETY: the caller's promise.
    bytes.copy_from_slice(unsafe { read(seed, 32) });
    // SAFETY: the caller's promise.
    let boot = String::from_utf8_lossy(unsafe { read(boot, boot_length) });
    let core = Core::new(bytes, Some(&*boot).filter(|boot| !boot.is_empty()));
    Box::into_raw(Box::new(Handle { core, output: std::sync::Mutex::default() }))
}

/// Ends a core.
///
/// # Safety
///
/// `handle` is from [`rekindle_new`], and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rekindle_drop(handle: *mut Handle) {
    if !handle.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// Takes the host's messages (a JSON array in UTF-8), lets everything go on that can, and gives what the host has to do, as JSON.
/// Its length is [`rekindle_output_length`]; it is there until the next turn.
///
/// # Safety
///
/// `handle` is from [`rekindle_new`], `input` points to `length` bytes. A host with threads makes one turn at a time, and has
/// read the output before the next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rekindle_turn(
    handle: *const Handle,
    mono_ms: f64,
    wall_ms: f64,
    input: *const u8,
    length: usize,
) -> *const u8 {
    // SAFETY: the caller's promise.
    let (handle, input) = unsafe { (&*handle, read(input, length)) };
    let said = handle.core.turn(mono_ms, wall_ms, &String::from_utf8_lossy(input));
    let mut output = lock(&handle.output);
    *output = said;
    output.as_ptr()
}

/// How long the last output is, in bytes.
///
/// # Safety
///
/// `handle` is from [`rekindle_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rekindle_output_length(handle: *const Handle) -> usize {
    // SAFETY: the caller's promise.
    lock(&unsafe { &*handle }.output).len()
}

/// Whether a session's token is valid now, as one number: see "The tag" in ABI.md.
///
/// # Safety
///
/// `handle` is from [`rekindle_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rekindle_tag(
    handle: *const Handle,
    session: u32,
    mono_ms: f64,
    wall_ms: f64,
) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { &*handle }.core.tag(session, mono_ms, wall_ms)
}

/// The time since the machine started, suspension included, in milliseconds: for hosts whose language has no such clock. It is in the C
/// library alone.
#[cfg(not(target_family = "wasm"))]
#[unsafe(no_mangle)]
pub extern "C" fn rekindle_boot_time_ms() -> f64 {
    use rekindle::clock::{Clock as _, SystemClock};

    SystemClock.now().mono.as_secs_f64() * 1_000.0
}

unsafe fn read<'a>(from: *const u8, length: usize) -> &'a [u8] {
    if from.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(from, length) }
}
