<?php

declare(strict_types=1);

namespace Rekindle\Store;

/**
 * Keeps one opaque record a key, by compare-and-save. Whatever it throws means that the store is unavailable: nothing is lost, and
 * saving is tried again.
 */
interface Store
{
    /** The record; null if there is none. */
    public function load(string $key): ?Record;

    /**
     * Replaces the record if it is still what was expected, in one step.
     *
     * @return string|null the new version; null: it is not what was expected
     */
    public function save(string $key, #[\SensitiveParameter] string $record, Expected $expected): ?string;

    /** Tells this store from others, without secrets; null: unknown. Sessions of the same identity and settings share a state. */
    public function identity(): ?string;

    /** Whether other processes see the same record. */
    public function isShared(): bool;
}
