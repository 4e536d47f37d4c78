<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * JSON as it is exchanged with the core.
 *
 * @internal
 */
final class Json
{
    /** @param array<mixed> $value */
    public static function write(#[\SensitiveParameter] array $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION);
    }

    /** @return array<string, mixed> */
    public static function read(#[\SensitiveParameter] string $text): array
    {
        $read = json_decode($text, true, 512, JSON_THROW_ON_ERROR);
        return is_array($read) ? $read : [];
    }

    /**
     * A body as text if it is UTF-8, else in base64: the core judges bytes.
     *
     * @return array{body: string}|array{body_base64: string}
     */
    public static function body(#[\SensitiveParameter] string $bytes): array
    {
        return preg_match('//u', $bytes) === 1 ? ['body' => $bytes] : ['body_base64' => base64_encode($bytes)];
    }

    /** An object, even if it has no members. */
    public static function object(#[\SensitiveParameter] array $members): array|\stdClass
    {
        return $members === [] ? new \stdClass() : $members;
    }
}
