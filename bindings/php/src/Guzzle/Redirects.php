<?php

declare(strict_types=1);

namespace Rekindle\Guzzle;

use GuzzleHttp\Psr7\Exception\MalformedUriException;
use GuzzleHttp\Psr7\Uri;
use GuzzleHttp\Psr7\UriResolver;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;

/**
 * Remembers redirects that have left the origin: the token is no longer sent then, not even if a redirect leads back (spec 9.2). Guzzle
 * does not tell where a request was redirected from; the request follows right after the redirect, with the number of its hop.
 *
 * @internal
 */
final class Redirects
{
    /** A limit, because a redirect that Guzzle does not follow is never removed. */
    private const MOST = 1_000;

    /** @var array<string, list<string>> the names of the request's own headers that may be forwarded, from the core */
    private array $left = [];

    /**
     * The headers that may be forwarded with a request that has left its origin; null: it has not.
     *
     * @param array<string, mixed> $options
     * @return list<string>|null
     */
    public function left(RequestInterface $request, array $options): ?array
    {
        $mark = self::hop($options) . " {$request->getUri()}";
        $may = self::hop($options) > 0 ? $this->left[$mark] ?? null : null;
        unset($this->left[$mark]);
        return $may;
    }

    /**
     * The request with only those of its headers that may be forwarded, and Host, which Guzzle sets.
     *
     * @param list<string> $may
     */
    public static function stripped(RequestInterface $request, array $may): RequestInterface
    {
        foreach (array_keys($request->getHeaders()) as $name) {
            if (!in_array(strtolower((string) $name), ['host', ...$may], true)) {
                $request = $request->withoutHeader((string) $name);
            }
        }
        return $request;
    }

    /**
     * Remembers a redirect away from the origin, and the headers that may be forwarded.
     *
     * @param array<string, mixed> $options
     * @param list<string> $may
     */
    public function note(RequestInterface $request, ResponseInterface $response, array $options, array $may): void
    {
        try {
            $target = UriResolver::resolve($request->getUri(), new Uri($response->getHeaderLine('Location')));
        } catch (MalformedUriException) {
            // Guzzle does not follow it, either.
            return;
        }
        $this->left = array_slice($this->left, 1 - self::MOST, null, true);
        $this->left[1 + self::hop($options) . " {$target}"] = $may;
    }

    /**
     * Whether Guzzle may follow the response as a redirect.
     *
     * @param array<string, mixed> $options
     */
    public static function leads(ResponseInterface $response, array $options): bool
    {
        $isRedirect = intdiv($response->getStatusCode(), 100) === 3 && $response->hasHeader('Location');
        return $isRedirect && ($options['allow_redirects'] ?? false) !== false;
    }

    /** @param array<string, mixed> $options */
    private static function hop(array $options): int
    {
        return (int) ($options['__redirect_count'] ?? 0);
    }
}
