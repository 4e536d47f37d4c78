<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Rekindle\Exception\Misuse;

/**
 * The core and this package are installed apart, and speak the same messages only where both know their version.
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
