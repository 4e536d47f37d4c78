<?php

declare(strict_types=1);

namespace Rekindle\Core;

use WeakMap;

/**
 * Keeps the secrets of objects outside of them: `var_export`, `(array)` and debuggers read private properties, too.
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
