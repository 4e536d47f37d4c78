<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\Vault;
use Symfony\Contracts\HttpClient\ResponseInterface;

/** What a response says about the token that was sent. */
final class Judgement
{
    /** @internal where Symfony keeps it among a response's infos */
    public const INFO = 'rekindle_judgement';

    /**
     * @param string|null $verdict `accepted`, `expired`, `denied`, ..; null: the request carried no token of the session's
     * @param string|null $replayRefused why the request was not sent again although its token was turned away: `body_not_replayable`, ..
     * @param array<string, mixed> $details what belongs to verdicts of this name: `reason`, `applied`, `scope`, `retry_after_ms`, ..
     */
    private function __construct(
        public readonly ?string $verdict,
        public readonly ?string $replayRefused,
        public readonly array $details,
    ) {
    }

    /** Of a response that came through a session's client, middleware or decorator; null: it did not. */
    public static function of(object $response): ?self
    {
        if ($response instanceof ResponseInterface) {
            $response->getStatusCode();
            return $response->getInfo(self::INFO);
        }
        $kept = Vault::of($response);
        return $kept instanceof self ? $kept : null;
    }

    /**
     * @internal
     * @param array<string, mixed> $told as the core tells it
     */
    public static function told(array $told): self
    {
        $verdict = $told['verdict'] ?? [];
        $details = array_filter($verdict, static fn (mixed $value): bool => $value !== null);
        return new self($verdict['name'] ?? null, $told['replay_refused'] ?? null, array_diff_key($details, ['name' => 1]));
    }
}
