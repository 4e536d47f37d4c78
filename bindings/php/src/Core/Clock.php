<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * Both clocks, in milliseconds, and the waiting.
 *
 * @internal
 */
interface Clock
{
    public function monoMs(): float;

    public function wallMs(): float;

    /** Waits so long at most (null: until something comes), or until something comes for the requests under way. */
    public function pause(TokenRequests $requests, ?float $ms): void;
}
