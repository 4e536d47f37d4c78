<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * The core: messages in, effects out. It starts no thread, and opens no socket.
 *
 * @internal
 */
interface Core
{
    /** At the end of a process PHP destroys objects in any order: whoever comes after the core is not answered any more. */
    public function hasEnded(): bool;

    /** One turn: takes messages (a JSON array), gives what is to be done, as JSON. */
    public function turn(float $monoMs, float $wallMs, #[\SensitiveParameter] string $messages): string;

    /** A clock that counts suspension too, and that other processes share. */
    public function bootTimeMs(): float;

    /** Stands for the token that is valid now; 0: there is none. */
    public function tag(int $session, float $monoMs, float $wallMs): int;
}
