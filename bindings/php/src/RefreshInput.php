<?php

declare(strict_types=1);

namespace Rekindle;

use JsonSerializable;

/** What a refresh is made from. The refresh token must not be sent twice. */
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

    /** Null where there is none: a refresh function may do without. */
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
