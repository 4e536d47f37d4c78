<?php

declare(strict_types=1);

namespace Rekindle;

use DateTimeImmutable;
use JsonSerializable;

/** An access token. Show `value()` or `authorization()` where they must go, and nowhere else. */
final class Token implements JsonSerializable
{
    use Redacted;

    /** One higher with each new access token of a sign-in. */
    public readonly int $generation;

    /** When it ends; null: unknown. */
    public readonly ?DateTimeImmutable $expiresAt;

    /** The header that carries it, "authorization" unless the dialect says otherwise. */
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

    /** The access token itself. */
    public function value(): string
    {
        return $this->kept()[0];
    }

    /** The value of the header that carries it. */
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
