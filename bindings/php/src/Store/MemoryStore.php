<?php

declare(strict_types=1);

namespace Rekindle\Store;

use JsonSerializable;
use Rekindle\Redacted;

/** Keeps records in memory, one for each key, until the process ends. */
final class MemoryStore implements Store, Lister, JsonSerializable
{
    use Redacted;

    private int $saves = 0;

    /** @param string|null $name its identity: sessions whose stores have the same name share a state, if their settings are the same */
    public function __construct(private readonly ?string $name = null)
    {
        $this->keep([]);
    }

    public function load(string $key): ?Record
    {
        return $this->kept()[$key] ?? null;
    }

    public function save(string $key, #[\SensitiveParameter] string $record, Expected $expected): ?string
    {
        $records = $this->kept();
        if (!$expected->fits($records[$key] ?? null)) {
            return null;
        }
        $version = (string) ++$this->saves;
        $this->keep([$key => new Record($record, $version)] + $records);
        return $version;
    }

    public function keys(): array
    {
        return array_map(strval(...), array_keys($this->kept()));
    }

    public function identity(): ?string
    {
        return $this->name;
    }

    public function isShared(): bool
    {
        return false;
    }

    public function __debugInfo(): array
    {
        return ['name' => $this->name, 'records' => count($this->kept())];
    }
}
