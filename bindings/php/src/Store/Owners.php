<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** Shared stores that can tell whether the process that holds a refresh is still running. */
interface Owners
{
    public function announce(string $key, string $owner): void;

    public function retire(string $key, string $owner): void;

    public function owner(string $key, string $owner): OwnerState;
}
