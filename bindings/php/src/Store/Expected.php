<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** The condition of a save: the record must be absent, must have a given version, or may be anything. */
final class Expected
{
    private function __construct(
        public readonly bool $absent,
        public readonly bool $anything,
        public readonly ?string $version,
    ) {
    }

    public static function absent(): self
    {
        return new self(true, false, null);
    }

    public static function anything(): self
    {
        return new self(false, true, null);
    }

    public static function version(string $version): self
    {
        return new self(false, false, $version);
    }

    /**
     * @internal
     * @param array{absent?: bool, anything?: bool, version?: string} $told
     */
    public static function of(array $told): self
    {
        return match (true) {
            isset($told['version']) => self::version($told['version']),
            $told['absent'] ?? false => self::absent(),
            default => self::anything(),
        };
    }

    /** Returns whether a record (null: none) meets the condition. */
    public function fits(?Record $record): bool
    {
        return $this->anything || ($this->absent ? $record === null : $record?->version === $this->version);
    }
}
