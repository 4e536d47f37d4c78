<?php

declare(strict_types=1);

namespace Rekindle;

use JsonSerializable;

/** The argument of a refresh function. It must not send the refresh token twice. */
final class RefreshInput implements JsonSerializable
{
    use Redacted;

    /**
     * @internal
     * @param array<string, string> $extra
     */
    public function __construct(
        #[\SensitiveParameter]
        ?string $refreshToken,
        public readonly ?string $scope,
        #[\SensitiveParameter]
        array $extra,
    ) {
        $this->keep([$refreshToken, $extra]);
    }

    /** Returns the refresh token; null: there is none. */
    public function refreshToken(): ?string
    {
        return $this->kept()[0];
    }

    /** @return array<string, string> what came with the last tokens */
    public function extra(): array
    {
        return $this->kept()[1];
    }

    public function __debugInfo(): array
    {
        return ['scope' => $this->scope];
    }
}
