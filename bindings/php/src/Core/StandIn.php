<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * The text that the core writes in place of a signature. It must be unguessable: otherwise a server could get arbitrary data signed.
 * Two objects of one key have the same stand-in, because their sessions may share a state in the core.
 *
 * @internal
 */
final class StandIn
{
    private static ?string $secret = null;

    public static function of(string $thumbprint): string
    {
        self::$secret ??= random_bytes(32);
        return Base64Url::encode(hash_hmac('sha256', $thumbprint, self::$secret, true));
    }
}
