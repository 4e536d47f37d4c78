<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Rekindle\Exception\InvalidConfig;

/**
 * The curl options that users may set: all except those that the session sets itself.
 *
 * @internal
 */
final class CurlOptions
{
    private const OURS = [
        'CURLOPT_CUSTOMREQUEST', 'CURLOPT_FOLLOWLOCATION', 'CURLOPT_HEADER', 'CURLOPT_HEADERFUNCTION', 'CURLOPT_HTTPHEADER',
        'CURLOPT_NOBODY', 'CURLOPT_POST', 'CURLOPT_POSTFIELDS', 'CURLOPT_PROTOCOLS', 'CURLOPT_READFUNCTION', 'CURLOPT_RETURNTRANSFER',
        'CURLOPT_UNRESTRICTED_AUTH', 'CURLOPT_UPLOAD', 'CURLOPT_URL', 'CURLOPT_WRITEFUNCTION',
    ];

    /** @param array<int, mixed> $options */
    public static function check(#[\SensitiveParameter] array $options): void
    {
        foreach (self::OURS as $name) {
            if (array_key_exists((int) constant($name), $options)) {
                $why = 'it says how requests travel (a proxy, a CA file, a client certificate, timeouts), not what is sent';
                throw new InvalidConfig("curlOptions cannot have {$name}: {$why}", argument: 'curlOptions');
            }
        }
    }
}
