<?php

declare(strict_types=1);

namespace Rekindle\Core;

/** @internal */
final class Redact
{
    /** A database quotes what it was given, and that is a record with tokens in it. */
    public static function text(#[\SensitiveParameter] string $text): string
    {
        return substr((string) preg_replace('~"[^"]*("|$)|\'[^\']*(\'|$)|[\w.\~+/=-]{16,}~', '[..]', $text), 0, 500);
    }
}
