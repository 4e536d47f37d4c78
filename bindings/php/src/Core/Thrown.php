<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Throwable;

/**
 * Keeps the exceptions of refresh functions and login handlers, by number: the core names the number as the cause of an error.
 *
 * @internal
 */
final class Thrown
{
    private const MOST = 64;

    private static int $last = 0;
    /** @var array<int, Throwable> */
    private static array $kept = [];

    public static function keep(Throwable $thrown): int
    {
        self::$kept[++self::$last] = $thrown;
        unset(self::$kept[self::$last - self::MOST]);
        return self::$last;
    }

    public static function find(?int $number): ?Throwable
    {
        return self::$kept[$number ?? 0] ?? null;
    }
}
