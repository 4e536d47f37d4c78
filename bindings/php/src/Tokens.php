<?php

declare(strict_types=1);

namespace Rekindle;

use DateTimeInterface;
use JsonSerializable;

/** The tokens that a sign-in or a refresh obtained. */
final class Tokens implements JsonSerializable
{
    use Redacted;

    /**
     * @param float|int|null $expiresIn the access token's lifetime in seconds, from now; or give `expiresAt`
     * @param array<string, string> $extra data that a refresh function gets back with the tokens
     */
    public function __construct(
        #[\SensitiveParameter]
        ?string $accessToken = null,
        #[\SensitiveParameter]
        ?string $refreshToken = null,
        public readonly float|int|null $expiresIn = null,
        public readonly ?DateTimeInterface $expiresAt = null,
        public readonly ?string $scope = null,
        public readonly ?string $tokenType = null,
        #[\SensitiveParameter]
        array $extra = [],
    ) {
        $this->keep(array_filter(
            ['access_token' => $accessToken, 'refresh_token' => $refreshToken, 'extra' => $extra],
            static fn (mixed $value): bool => $value !== null && $value !== [],
        ));
    }

    /**
     * @internal
     * @return array<string, mixed>
     */
    public function toCore(): array
    {
        $at = $this->expiresAt;
        $plain = [
            'expires_in' => $this->expiresIn,
            'expires_at_ms' => $at === null ? null : 1000 * $at->getTimestamp() + intdiv((int) $at->format('u'), 1000),
            'scope' => $this->scope,
            'token_type' => $this->tokenType,
        ];
        return $this->kept() + array_filter($plain, static fn (mixed $value): bool => $value !== null);
    }

    public function __debugInfo(): array
    {
        return ['scope' => $this->scope, 'tokenType' => $this->tokenType];
    }
}
