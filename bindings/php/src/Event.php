<?php

declare(strict_types=1);

namespace Rekindle;

/** An event of a session. Events arrive in order and contain no secrets. */
final class Event
{
    /**
     * @param string $name SignedIn, RefreshStarted, RefreshSucceeded, RefreshFailed, Adopted, Renewed, ExtraChanged, Unpersisted,
     *     Persisted, Replayed, Retried, LoginRequired, RefreshLimited, SignedOut or Warned
     * @param string $lineage identifies the sign-in
     * @param int $generation increases by one with each new access token of a sign-in
     * @param array<string, mixed> $details the fields of this event: `cause`, `kind`, `reason`, `warning`, `names`, `waiters`, ..
     */
    private function __construct(
        public readonly string $name,
        public readonly string $lineage,
        public readonly int $generation,
        public readonly array $details,
    ) {
    }

    /**
     * @internal
     * @param array<string, mixed> $told
     */
    public static function of(array $told): self
    {
        $plain = ['effect' => 1, 'session' => 1, 'name' => 1, 'lineage' => 1, 'generation' => 1];
        return new self($told['name'], (string) $told['lineage'], (int) $told['generation'], array_diff_key($told, $plain));
    }
}
