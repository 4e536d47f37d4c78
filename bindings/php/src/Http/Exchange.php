<?php

declare(strict_types=1);

namespace Rekindle\Http;

use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use Rekindle\Core\Vault;
use Rekindle\Judgement;
use Rekindle\Session;

/**
 * One request, until the response that its caller gets.
 *
 * @internal
 */
final class Exchange
{
    private ?ResponseInterface $response = null;
    private bool $wasSent = false;

    private function __construct(private readonly RequestInterface $request, private readonly Signing $signing)
    {
    }

    /** `seconds`: how long it waits for a token; null: the session's `waitTimeout`. */
    public static function begin(Session $session, RequestInterface $request, ?float $seconds = null): self
    {
        $uri = $request->getUri();
        $begin = static fn (): array => [
            'method' => $request->getMethod(),
            'url' => (string) $uri,
            'headers' => Bodies::pairs($request),
            'body' => Bodies::known($request),
            'timeout_ms' => $seconds === null ? null : max(1, (int) (1000 * $seconds)),
        ];
        $names = array_map(strtolower(...), array_map(strval(...), array_keys($request->getHeaders())));
        return new self($request, new Signing($session, $begin, "{$uri->getScheme()}://{$uri->getAuthority()}", $names));
    }

    /** The request to send now. */
    public function next(): RequestInterface
    {
        $request = $this->request;
        foreach ($this->signing->headers() as [$name, $value]) {
            $request = $request->withHeader($name, $value);
        }
        if ($this->wasSent && $request->getBody()->isSeekable()) {
            $request->getBody()->rewind();
        }
        $this->wasSent = true;
        return $request;
    }

    /** Returns whether the request must be sent again. */
    public function answered(ResponseInterface $response): bool
    {
        [$judged, $this->response] = Bodies::judged($response, $this->signing->readsSuccess());
        $told = $this->signing->answered($response->getStatusCode(), Bodies::pairs($response), $judged);
        if ($told === null) {
            return true;
        }
        // A copy, because a client may return the same object for another request.
        $this->response = $this->response->withStatus($response->getStatusCode(), $response->getReasonPhrase());
        Vault::keep($this->response, Judgement::told($told));
        return false;
    }

    /**
     * What may be sent to the target of a redirect, for a client that follows redirects itself; null: there is no redirect to follow.
     *
     * @return array{own: list<array{string, string}>, headers: list<array{string, string}>}|null
     */
    public function redirected(ResponseInterface $response): ?array
    {
        return $this->signing->redirected($response->getStatusCode(), Bodies::pairs($response));
    }

    /** Whether the last response did not reject the token. */
    public function isAccepted(): bool
    {
        $verdict = Judgement::of($this->response())?->verdict;
        return $verdict === null || $verdict === 'accepted';
    }

    /** For a redirect to the login page: without `Location`, a client that follows redirects returns it (spec 2.11). */
    public function stay(): void
    {
        $judgement = Judgement::of($this->response());
        $this->response = $this->response()->withoutHeader('Location');
        Vault::keep($this->response, $judgement);
    }

    public function response(): ResponseInterface
    {
        assert($this->response !== null);
        return $this->response;
    }

    public function end(): void
    {
        $this->signing->end();
    }
}
