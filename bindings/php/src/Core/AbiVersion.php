<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Rekindle\Exception\Misuse;

/**
 * The core and this package are installed separately, and work together only if both have the same ABI version.
 *
 * @internal
 */
final class AbiVersion
{
    private const SPOKEN = 1;

    /** @param string $what says what is to be replaced */
    public static function check(int $version, string $what): void
    {
        if ($version !== self::SPOKEN) {
            $spoken = self::SPOKEN;
            throw new Misuse("the {$what} speaks version {$version}, this package {$spoken}: install both of one release");
        }
    }
}
