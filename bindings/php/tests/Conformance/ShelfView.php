<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Rekindle\Store\Expected;
use Rekindle\Store\OwnerState;
use Rekindle\Store\Owners;
use Rekindle\Store\Record;
use Rekindle\Store\Store;
use RuntimeException;

/** The shelf as a process sees it, until its life has ended. */
final class ShelfView implements Store, Owners
{
    public function __construct(private readonly Shelf $shelf, private readonly Actor $actor)
    {
    }

    public function load(string $key): ?Record
    {
        if ($this->actor->ended || $this->shelf->loading !== 'works') {
            throw new RuntimeException('as scripted');
        }
        return $this->current();
    }

    public function save(string $key, string $record, Expected $expected): ?string
    {
        if ($this->actor->ended || $this->shelf->saving === 'unavailable') {
            throw new RuntimeException('as scripted');
        }
        if (!$expected->fits($this->current())) {
            return null;
        }
        $this->shelf->record = $record;
        $this->shelf->saves++;
        if ($this->shelf->saving === 'lands') {
            throw new RuntimeException('as scripted');
        }
        return (string) $this->shelf->saves;
    }

    public function identity(): ?string
    {
        return 'scripted';
    }

    public function isShared(): bool
    {
        return true;
    }

    public function announce(string $key, string $owner): void
    {
        $this->shelf->owners[$owner] = $this->actor;
    }

    public function retire(string $key, string $owner): void
    {
    }

    public function owner(string $key, string $owner): OwnerState
    {
        $actor = $this->shelf->owners[$owner] ?? null;
        return match (true) {
            $actor === null => OwnerState::Unknown,
            $actor->ended => OwnerState::Dead,
            default => OwnerState::Alive,
        };
    }

    private function current(): ?Record
    {
        return $this->shelf->record === null ? null : new Record($this->shelf->record, (string) $this->shelf->saves);
    }
}
