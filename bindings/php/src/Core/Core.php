<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * The core: messages in, effects out (see bindings/hosted/ABI.md). It starts no thread and opens no socket.
 *
 * @internal
 */
interface Core
{
    /** Whether it was destroyed: when a process ends, PHP destroys objects in any order. */
    public function hasEnded(): bool;

    /** Runs one turn: takes messages (a JSON array) and returns effects (JSON). */
    public function turn(float $monoMs, float $wallMs, #[\SensitiveParameter] string $messages): string;

    /** A monotonic clock that counts suspension, and that all processes share. */
    public function bootTimeMs(): float;

    /** A number that identifies the token that is valid now; 0: there is none. */
    public function tag(int $session, float $monoMs, float $wallMs): int;
}
