<?php

declare(strict_types=1);

namespace Rekindle\Store;

use JsonSerializable;
use Rekindle\Redacted;

/** A record of a store, with its version. */
final class Record implements JsonSerializable
{
    use Redacted;

    public function __construct(#[\SensitiveParameter] string $text, public readonly string $version)
    {
        $this->keep($text);
    }

    public function text(): string
    {
        return $this->kept();
    }

    public function __debugInfo(): array
    {
        return ['version' => $this->version];
    }
}
