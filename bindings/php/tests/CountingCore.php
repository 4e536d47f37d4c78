<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use Rekindle\Core\Core;
use Rekindle\Core\Loader;

/** The core, with a counter of its turns. */
final class CountingCore implements Core
{
    public int $turns = 0;
    private readonly Core $core;

    public function __construct()
    {
        $this->core = Loader::load('');
    }

    public function hasEnded(): bool
    {
        return $this->core->hasEnded();
    }

    public function turn(float $monoMs, float $wallMs, #[\SensitiveParameter] string $messages): string
    {
        $this->turns++;
        return $this->core->turn($monoMs, $wallMs, $messages);
    }

    public function bootTimeMs(): float
    {
        return $this->core->bootTimeMs();
    }

    public function tag(int $session, float $monoMs, float $wallMs): int
    {
        return $this->core->tag($session, $monoMs, $wallMs);
    }
}
