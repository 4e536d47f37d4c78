<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * The system's clocks.
 *
 * @internal
 */
final class SystemClock implements Clock
{
    private const LONGEST_PAUSE_MS = 1_000.0;

    public function __construct(private readonly Core $core)
    {
    }

    /** Identifies this boot of the machine; empty: unknown. */
    public static function boot(): string
    {
        return trim((string) @file_get_contents('/proc/sys/kernel/random/boot_id'));
    }

    public function monoMs(): float
    {
        return $this->core->bootTimeMs();
    }

    public function wallMs(): float
    {
        return 1000.0 * microtime(true);
    }

    public function pause(TokenRequests $requests, ?float $ms): void
    {
        $ms = min(max($ms ?? self::LONGEST_PAUSE_MS, 0.0), self::LONGEST_PAUSE_MS);
        if ($requests->areUnderWay()) {
            $requests->wait($ms);
        } else {
            // Rounded up: never too early.
            usleep((int) ceil(1000.0 * $ms));
        }
    }
}
