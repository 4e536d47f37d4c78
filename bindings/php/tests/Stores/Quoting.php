<?php

declare(strict_types=1);

namespace Rekindle\Tests\Stores;

use Rekindle\Store\Expected;
use Rekindle\Store\Record;
use Rekindle\Store\Store;
use RuntimeException;

/** Fails as databases do: with the query in its message. */
final class Quoting implements Store
{
    public function load(string $key): ?Record
    {
        return null;
    }

    public function save(string $key, #[\SensitiveParameter] string $record, Expected $expected): ?string
    {
        throw new RuntimeException("near {$record}: syntax error");
    }

    public function identity(): ?string
    {
        return null;
    }

    public function isShared(): bool
    {
        return true;
    }
}
