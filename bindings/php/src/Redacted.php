<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\Vault;
use Rekindle\Exception\Misuse;

/**
 * For objects with a secret: no dump shows it, and they refuse to be serialized, which could happen by accident in a session or a queue.
 *
 * @internal
 */
trait Redacted
{
    /** @return array<string, mixed> what dumps may show */
    abstract public function __debugInfo(): array;

    /** @return never */
    public function __serialize(): array
    {
        throw new Misuse(self::class . ' can\'t be serialized, because it contains secrets: let a session\'s store keep its tokens');
    }

    /** @param array<mixed> $data */
    public function __unserialize(array $data): void
    {
        throw new Misuse(self::class . ' can\'t be unserialized');
    }

    public function jsonSerialize(): mixed
    {
        return (object) $this->__debugInfo();
    }

    private function keep(#[\SensitiveParameter] mixed $secret): void
    {
        Vault::keep($this, $secret);
    }

    private function kept(): mixed
    {
        return Vault::of($this);
    }
}
