<?php

declare(strict_types=1);

namespace Rekindle;

/** What to show the user, who signs in on another device. */
final class DeviceCode
{
    /**
     * @internal
     * @param string|null $verificationUriComplete the same address with the code, for a QR code
     */
    public function __construct(
        public readonly string $userCode,
        public readonly string $verificationUri,
        public readonly ?string $verificationUriComplete,
    ) {
    }

    /**
     * @internal
     * @param array<string, mixed> $told
     */
    public static function of(array $told): self
    {
        return new self($told['user_code'], $told['verification_uri'], $told['verification_uri_complete'] ?? null);
    }
}
