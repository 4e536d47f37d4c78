<?php

declare(strict_types=1);

namespace Rekindle;

/** The state of a session. It contains no secrets. */
final class Status
{
    /**
     * @param string $standing unread, active, login_required or signed_out
     * @param bool $needsSignIn the user has to sign in before a token can be served
     * @param array<string, mixed> $all the same and more, by the names that every language shares
     */
    private function __construct(
        public readonly string $standing,
        public readonly ?int $generation,
        public readonly bool $valid,
        public readonly bool $refreshable,
        public readonly bool $persisted,
        public readonly bool $refreshing,
        public readonly bool $needsSignIn,
        public readonly array $all,
    ) {
    }

    /**
     * @internal
     * @param array<string, mixed> $told
     */
    public static function of(array $told): self
    {
        return new self(
            $told['standing'],
            $told['generation'] ?? null,
            $told['valid'],
            $told['refreshable'],
            $told['persisted'],
            $told['refreshing'],
            $told['needs_sign_in'],
            $told,
        );
    }
}
