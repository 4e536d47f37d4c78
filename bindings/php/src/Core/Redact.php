<?php

declare(strict_types=1);

namespace Rekindle\Core;

/** @internal */
final class Redact
{
    /** Databases quote their input in errors, and here that is a record with tokens. */
    public static function text(#[\SensitiveParameter] string $text): string
    {
        return substr((string) preg_replace('~"[^"]*("|$)|\'[^\']*(\'|$)|[\w.\~+/=-]{16,}~', '[..]', $text), 0, 500);
    }
}
