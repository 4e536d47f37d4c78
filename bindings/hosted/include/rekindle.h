/* The hosted core of rekindle: ABI.md says what the functions take and give, and what is in the messages.
   Written by `cargo xtask gen` from src/abi.rs. */
#ifndef REKINDLE_H
#define REKINDLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One core. A reader without a preprocessor takes what stands from here to the last semicolon. */
typedef struct rekindle_handle rekindle_handle;

/* The version of these functions and of their messages. */
uint32_t rekindle_abi_version(void);

/* Memory for what the host passes in. Null if there is none left. */
uint8_t *rekindle_alloc(size_t length);

/* Gives memory back, and wipes it: tokens may have been in it.
   `memory` is from `rekindle_alloc` with the same length, and is not used again. */
void rekindle_free(uint8_t *memory, size_t length);

/* A core of its own. `seed`: 32 bytes that nobody can guess. `boot` (UTF-8, may be empty): names the beginning of the monotonic
   clock, where other processes share that clock.
   `seed` points to 32 bytes, `boot` to `boot_length` bytes. */
rekindle_handle *rekindle_new(const uint8_t *seed, const uint8_t *boot, size_t boot_length);

/* Ends a core.
   `handle` is from `rekindle_new`, and is not used again. */
void rekindle_drop(rekindle_handle *handle);

/* Takes the host's messages (a JSON array in UTF-8), lets everything go on that can, and gives what the host has to do, as JSON.
   Its length is `rekindle_output_length`; it is there until the next turn.
   `handle` is from `rekindle_new`, `input` points to `length` bytes. A host with threads makes one turn at a time, and has
   read the output before the next. */
const uint8_t *rekindle_turn(const rekindle_handle *handle, double mono_ms, double wall_ms, const uint8_t *input, size_t length);

/* How long the last output is, in bytes.
   `handle` is from `rekindle_new`. */
size_t rekindle_output_length(const rekindle_handle *handle);

/* Whether a session's token is valid now, as one number: see "The tag" in ABI.md.
   `handle` is from `rekindle_new`. */
uint32_t rekindle_tag(const rekindle_handle *handle, uint32_t session, double mono_ms, double wall_ms);

/* The time since the machine started, suspension included, in milliseconds: for hosts whose language has no such clock. It is in the C
   library alone. */
double rekindle_boot_time_ms(void);

#ifdef __cplusplus
}
#endif

#endif
