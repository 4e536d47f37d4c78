<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\Vault;
use Rekindle\Exception\Misuse;

/**
 * For objects that hold a secret: no dump shows it, and none is serialized by accident, into a session or a queue.
 *
 * @internal
 */
trait Redacted
{
    /** @return array<string, mixed> what may be seen */
    abstract public function __debugInfo(): array;

    /** @return never */
    public function __serialize(): array
    {
        throw new Misuse(self::class . ' is not serialized: it holds secrets; a session\'s store keeps its tokens');
    }

    /** @param array<mixed> $data */
    public function __unserialize(array $data): void
    {
        throw new Misuse(self::class . ' is not unserialized');
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
