<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\Vault;
use Symfony\Contracts\HttpClient\ResponseInterface;

/** What a response says about the token that was sent with its request. */
final class Judgement
{
    /** @internal where Symfony keeps it among a response's infos */
    public const INFO = 'rekindle_judgement';

    /**
     * @param string|null $verdict `accepted`, `expired`, `denied`, ..; null: the request did not carry the session's token
     * @param string|null $replayRefused why the request was not sent again although its token was rejected: `body_not_replayable`, ..
     * @param array<string, mixed> $details the fields of this verdict: `reason`, `applied`, `scope`, `retry_after_ms`, ..
     */
    private function __construct(
        public readonly ?string $verdict,
        public readonly ?string $replayRefused,
        public readonly array $details,
    ) {
    }

    /** Returns the judgement of a response that a session's client, middleware or decorator returned; null: another response. */
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
     * @param array<string, mixed> $told the result of `answered`
     */
    public static function told(array $told): self
    {
        $verdict = $told['verdict'] ?? [];
        $details = array_filter($verdict, static fn (mixed $value): bool => $value !== null);
        return new self($verdict['name'] ?? null, $told['replay_refused'] ?? null, array_diff_key($details, ['name' => 1]));
    }
}
