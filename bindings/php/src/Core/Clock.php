<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * The monotonic clock and the wall clock, in milliseconds, and waiting.
 *
 * @internal
 */
interface Clock
{
    public function monoMs(): float;

    public function wallMs(): float;

    /** Waits until a token request in progress receives data, at most this long (null: no limit). */
    public function pause(TokenRequests $requests, ?float $ms): void;
}
