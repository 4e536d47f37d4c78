<?php

declare(strict_types=1);

namespace Rekindle\Core;

use FFI;
use FFI\CData;

/**
 * The core through FFI.
 *
 * @internal
 */
final class FfiCore implements Core
{
    private ?CData $handle = null;

    public function __construct(private readonly FFI $library, string $boot)
    {
        AbiVersion::check($library->rekindle_abi_version(), 'library');
        $seed = $this->lent(random_bytes(32));
        $name = $this->lent($boot);
        $this->handle = $library->rekindle_new($seed, $name, strlen($boot));
        $library->rekindle_free($seed, 32);
        $library->rekindle_free($name, strlen($boot));
    }

    public function __destruct()
    {
        if ($this->handle !== null) {
            $this->library->rekindle_drop($this->handle);
            $this->handle = null;
        }
    }

    public function hasEnded(): bool
    {
        return $this->handle === null;
    }

    public function turn(float $monoMs, float $wallMs, #[\SensitiveParameter] string $messages): string
    {
        $length = strlen($messages);
        $input = $this->lent($messages);
        $output = $this->library->rekindle_turn($this->handle, $monoMs, $wallMs, $input, $length);
        $this->library->rekindle_free($input, $length);
        return FFI::string($output, $this->library->rekindle_output_length($this->handle));
    }

    public function bootTimeMs(): float
    {
        return $this->library->rekindle_boot_time_ms();
    }

    public function tag(int $session, float $monoMs, float $wallMs): int
    {
        return $this->library->rekindle_tag($this->handle, $session, $monoMs, $wallMs);
    }

    /** A copy that the library wipes when it gets it back. */
    private function lent(#[\SensitiveParameter] string $bytes): CData
    {
        $memory = $this->library->rekindle_alloc(strlen($bytes));
        if ($bytes !== '') {
            FFI::memcpy($memory, $bytes, strlen($bytes));
        }
        return $memory;
    }
}
