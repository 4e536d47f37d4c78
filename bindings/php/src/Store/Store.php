<?php

declare(strict_types=1);

namespace Rekindle\Store;

/**
 * Keeps one opaque record for each key, by compare-and-save. Any exception means that the store is unavailable: no token is lost, and
 * the save is tried again.
 */
interface Store
{
    /** Returns the record of a key; null if there is none. */
    public function load(string $key): ?Record;

    /**
     * Replaces the record if it still meets the condition, in one atomic step.
     *
     * @return string|null the new version; null: the record did not meet the condition
     */
    public function save(string $key, #[\SensitiveParameter] string $record, Expected $expected): ?string;

    /** Identifies the store, without secrets; null: unknown. Sessions of the same identity and settings share a state. */
    public function identity(): ?string;

    /** Returns whether other processes use the same records. */
    public function isShared(): bool;
}
