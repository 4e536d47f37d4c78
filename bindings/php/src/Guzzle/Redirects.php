<?php

declare(strict_types=1);

namespace Rekindle\Guzzle;

use GuzzleHttp\Psr7\Exception\MalformedUriException;
use GuzzleHttp\Psr7\Uri;
use GuzzleHttp\Psr7\UriComparator;
use GuzzleHttp\Psr7\UriResolver;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;

/**
 * Which redirects have left the origin: nothing of ours goes along then or later, not even back home (spec 9.2). Guzzle does not tell
 * what a request was redirected from; it comes right after the response that led there, with the number of its hop.
 *
 * @internal
 */
final class Redirects
{
    /** No more are kept than may be under way: a response that Guzzle does not follow leaves its mark behind. */
    private const MOST = 1_000;

    /** The request's own headers that may go along: they are known to carry no credential. */
    private const HARMLESS = [
        'host',
        'accept', 'accept-charset', 'accept-encoding', 'accept-language', 'access-control-request-headers',
        'access-control-request-method', 'cache-control', 'content-digest', 'content-disposition', 'content-encoding',
        'content-language', 'content-length', 'content-location', 'content-md5', 'content-type', 'date', 'digest', 'dnt',
        'expect', 'idempotency-key', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since',
        'pragma', 'prefer', 'priority', 'range', 'te', 'traceparent', 'transfer-encoding', 'upgrade-insecure-requests',
        'user-agent', 'x-correlation-id', 'x-request-id',
    ];

    /** @var array<string, true> */
    private array $left = [];

    /** @param array<string, mixed> $options */
    public function hasLeft(RequestInterface $request, array $options): bool
    {
        $hop = self::hop($options);
        $mark = "{$hop} {$request->getUri()}";
        $hasLeft = $hop > 0 && isset($this->left[$mark]);
        unset($this->left[$mark]);
        return $hasLeft;
    }

    /** The request with what of its own may go along. */
    public static function stripped(RequestInterface $request): RequestInterface
    {
        foreach (array_keys($request->getHeaders()) as $name) {
            if (!in_array(strtolower((string) $name), self::HARMLESS, true)) {
                $request = $request->withoutHeader((string) $name);
            }
        }
        return $request;
    }

    /** @param array<string, mixed> $options */
    public function note(RequestInterface $request, ResponseInterface $response, array $options, bool $hasLeft): void
    {
        $leads = intdiv($response->getStatusCode(), 100) === 3 && $response->hasHeader('Location');
        if (!$leads || ($options['allow_redirects'] ?? false) === false) {
            return;
        }
        try {
            $target = UriResolver::resolve($request->getUri(), new Uri($response->getHeaderLine('Location')));
        } catch (MalformedUriException) {
            // Guzzle does not follow it either.
            return;
        }
        if ($hasLeft || UriComparator::isCrossOrigin($request->getUri(), $target)) {
            $this->left = array_slice($this->left, 1 - self::MOST, null, true);
            $this->left[1 + self::hop($options) . " {$target}"] = true;
        }
    }

    /** @param array<string, mixed> $options */
    private static function hop(array $options): int
    {
        return (int) ($options['__redirect_count'] ?? 0);
    }
}
