<?php

declare(strict_types=1);

namespace Rekindle;

use DateTimeImmutable;
use JsonSerializable;

/** An access token. `value()` and `authorization()` are secrets: send them only where they are needed. */
final class Token implements JsonSerializable
{
    use Redacted;

    /** Increases by one with each new access token of a sign-in. */
    public readonly int $generation;

    /** When the token expires; null: unknown. */
    public readonly ?DateTimeImmutable $expiresAt;

    /** The name of the header that carries the token: "authorization", unless the dialect defines another one. */
    public readonly string $header;

    /**
     * @internal
     * @param array<string, mixed> $told
     */
    public function __construct(#[\SensitiveParameter] array $told)
    {
        $this->keep([$told['token'], $told['authorization']]);
        $this->generation = $told['generation'];
        $this->header = $told['header'];
        $at = $told['expires_at_ms'] ?? null;
        $this->expiresAt = $at === null ? null : self::time((int) $at);
    }

    /** Returns the access token itself. */
    public function value(): string
    {
        return $this->kept()[0];
    }

    /** Returns the value of the header that carries the token, such as `Bearer ..`. */
    public function authorization(): string
    {
        return $this->kept()[1];
    }

    public function __debugInfo(): array
    {
        return ['generation' => $this->generation, 'expiresAt' => $this->expiresAt?->format('Y-m-d\TH:i:s.vP')];
    }

    private static function time(int $ms): ?DateTimeImmutable
    {
        $whole = intdiv($ms, 1000) - ($ms % 1000 < 0 ? 1 : 0);
        $time = DateTimeImmutable::createFromFormat('U.v', sprintf('%d.%03d', $whole, $ms - 1000 * $whole));
        return $time === false ? null : $time;
    }
}
