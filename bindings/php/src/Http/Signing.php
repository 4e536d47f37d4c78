<?php

declare(strict_types=1);

namespace Rekindle\Http;

use Closure;
use Rekindle\Core\Json;
use Rekindle\Session;
use Rekindle\Token;

/**
 * One request, as the core knows it. The core is not asked about a request to an origin that accepted the current token, unless the
 * response is not a success (see "Requests without a turn" in bindings/hosted/ABI.md).
 *
 * @internal
 */
final class Signing
{
    private const ACCEPTED = ['next' => 'keep', 'verdict' => ['name' => 'accepted'], 'replay_refused' => null];

    /** Null: the core does not know the request. */
    private ?int $number = null;
    /** @var list<array{string, string}> */
    private array $headers = [];
    private bool $readsSuccess = false;
    /** Whether requests to an origin that accepted the token need no turn. */
    private bool $isQuick = false;
    /** The tag of the token that was sent without asking the core; 0: the core was asked. */
    private int $sentWith = 0;

    /**
     * @param Closure(): array<string, mixed> $begin the fields of the message `begin`
     * @param string $origin scheme and authority
     * @param list<string> $names the names of the request's own headers, in lower case
     */
    public function __construct(
        private readonly Session $session,
        private readonly Closure $begin,
        private readonly string $origin,
        array $names,
    ) {
        [$tag, $token] = $session->acceptedToken($origin);
        if ($token === null || in_array('authorization', $names, true) || in_array($token->header, $names, true)) {
            $this->begin([]);
            return;
        }
        $this->sentWith = $tag;
        $this->headers = self::headersOf($token);
    }

    /** @return list<array{string, string}> to add */
    public function headers(): array
    {
        return $this->headers;
    }

    /** Whether the core judges the body of a success, too. */
    public function readsSuccess(): bool
    {
        return $this->readsSuccess;
    }

    /**
     * Passes in a response; null: the request must be sent again, with new headers.
     *
     * @param list<array{string, string}> $headers
     * @return array<string, mixed>|null the judgement
     */
    public function answered(int $status, array $headers, #[\SensitiveParameter] string $body): ?array
    {
        $isSuccess = intdiv($status, 100) === 2;
        if ($this->sentWith !== 0) {
            if ($isSuccess) {
                return self::ACCEPTED;
            }
            $this->session->acceptedBy($this->origin, null);
            $this->begin(['sent_with' => $this->sentWith]);
            $this->sentWith = 0;
        }
        $asked = ['do' => 'answered', 'request' => $this->number, 'status' => $status, 'headers' => $headers];
        $told = $this->session->call($asked + Json::body($body));
        if ($told['next'] === 'send_again') {
            $this->headers = $told['headers'];
            return null;
        }
        if ($isSuccess && $this->isQuick && ($told['verdict']['name'] ?? null) === 'accepted') {
            $this->session->acceptedBy($this->origin, $this->headers);
        }
        return $told;
    }

    /**
     * Where a redirect leads; null: it is not to be followed.
     *
     * @param list<array{string, string}> $headers
     * @return array{own: list<array{string, string}>, headers: list<array{string, string}>}|null
     */
    public function redirected(int $status, array $headers): ?array
    {
        return $this->session->call(['do' => 'redirected', 'request' => $this->number, 'status' => $status, 'headers' => $headers]);
    }

    public function end(): void
    {
        if ($this->number !== null) {
            $this->session->tell(['do' => 'end', 'request' => $this->number]);
            $this->number = null;
        }
    }

    /** @return list<array{string, string}> */
    public static function headersOf(Token $token): array
    {
        return [[$token->header, $token->authorization()]];
    }

    /** @param array<string, int> $more */
    private function begin(array $more): void
    {
        $this->number = $this->session->number();
        $told = $this->session->call(['do' => 'begin', 'request' => $this->number] + $more + ($this->begin)());
        $this->headers = $told['headers'];
        $this->readsSuccess = $told['reads_success'];
        $this->isQuick = $told['quick'];
    }
}
