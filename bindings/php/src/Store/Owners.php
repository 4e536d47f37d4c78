<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** For shared stores that can tell whether the process that holds a refresh still lives. */
interface Owners
{
    public function announce(string $key, string $owner): void;

    public function retire(string $key, string $owner): void;

    public function owner(string $key, string $owner): OwnerState;
}
