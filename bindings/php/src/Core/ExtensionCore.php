<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Rekindle\Exception\Misuse;
use Rekindle\Extension\Core as Inner;

/**
 * The core through the extension `rekindle`.
 *
 * @internal
 */
final class ExtensionCore implements Core
{
    private ?Inner $inner;

    public function __construct(string $boot)
    {
        AbiVersion::check(Inner::abiVersion(), 'extension');
        $this->inner = new Inner(random_bytes(32), $boot);
    }

    public function __destruct()
    {
        $this->inner = null;
    }

    public function hasEnded(): bool
    {
        return $this->inner === null;
    }

    public function turn(float $monoMs, float $wallMs, #[\SensitiveParameter] string $messages): string
    {
        return $this->inner()->turn($monoMs, $wallMs, $messages);
    }

    public function bootTimeMs(): float
    {
        return Inner::bootTimeMs();
    }

    public function tag(int $session, float $monoMs, float $wallMs): int
    {
        return $this->inner()->tag($session, $monoMs, $wallMs);
    }

    private function inner(): Inner
    {
        return $this->inner ?? throw new Misuse('the process is ending: call sessions before that');
    }
}
