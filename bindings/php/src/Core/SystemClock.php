<?php

declare(strict_types=1);

namespace Rekindle\Core;

use FFI;

/**
 * The system's clocks. The monotonic one is that of the boot where it can be had: other processes and languages share it.
 *
 * @internal
 */
final class SystemClock implements Clock
{
    /** Linux's CLOCK_BOOTTIME, which counts suspension too. */
    private const BOOT_TIME = 7;
    private const LONGEST_PAUSE_MS = 1_000.0;

    private readonly string $boot;

    public function __construct()
    {
        $boot = is_readable('/proc/uptime') ? @file_get_contents('/proc/sys/kernel/random/boot_id') : false;
        $this->boot = $boot === false ? '' : trim($boot);
    }

    public function monoMs(): float
    {
        if ($this->boot !== '') {
            $uptime = @file_get_contents('/proc/uptime');
            if (is_string($uptime)) {
                return 1000.0 * (float) $uptime;
            }
        }
        return hrtime(true) / 1e6;
    }

    public function wallMs(): float
    {
        return 1000.0 * microtime(true);
    }

    public function boot(): string
    {
        return $this->boot;
    }

    public function pause(TokenRequests $requests, ?float $ms): void
    {
        $ms = min(max($ms ?? self::LONGEST_PAUSE_MS, 0.0), self::LONGEST_PAUSE_MS);
        if ($requests->areUnderWay()) {
            $requests->wait($ms);
        } else {
            // Never a moment too soon.
            usleep((int) ceil(1000.0 * $ms));
        }
    }
}
