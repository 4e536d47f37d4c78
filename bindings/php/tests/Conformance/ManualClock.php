<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Fiber;
use Rekindle\Core\Clock;
use Rekindle\Core\TokenRequests;

/** Stands still until a case turns it on. Whoever waits lets the other lanes of the case go on. */
final class ManualClock implements Clock
{
    public float $mono = 3_600_000.0;
    public float $wall = 1_893_456_000_000.0;

    public function monoMs(): float
    {
        return $this->mono;
    }

    public function wallMs(): float
    {
        return $this->wall;
    }

    public function pause(TokenRequests $requests, ?float $ms): void
    {
        $requests->wait(0.0);
        // At the end of a case nobody goes on.
        Fiber::getCurrent() === null ? throw new Cancelled() : Fiber::suspend();
    }

    public function advance(float $ms): void
    {
        $this->mono += $ms;
        $this->wall += $ms;
    }
}
