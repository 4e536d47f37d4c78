<?php

declare(strict_types=1);

namespace Rekindle\Core;

use WeakMap;

/**
 * Keeps what an object must not show: `var_export`, `(array)` and a debugger's dump read private properties too.
 *
 * @internal
 */
final class Vault
{
    /** @var WeakMap<object, mixed>|null */
    private static ?WeakMap $kept = null;

    public static function keep(object $owner, #[\SensitiveParameter] mixed $secret): void
    {
        self::$kept ??= new WeakMap();
        self::$kept[$owner] = $secret;
    }

    public static function of(object $owner): mixed
    {
        return self::$kept[$owner] ?? null;
    }
}
