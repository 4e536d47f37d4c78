<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * base64url without padding, as JSON Web Signatures use it (RFC 7515, section 2).
 *
 * @internal
 */
final class Base64Url
{
    public static function encode(#[\SensitiveParameter] string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}
