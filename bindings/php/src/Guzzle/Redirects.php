<?php

declare(strict_types=1);

namespace Rekindle\Guzzle;

use GuzzleHttp\Psr7\Exception\MalformedUriException;
use GuzzleHttp\Psr7\Uri;
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

    /** @var array<string, list<string>> the names of the request's own headers that may go along, as the core says */
    private array $left = [];

    /**
     * What may go along with a request that has left its origin; null: it has not.
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
     * The request with what of its own may go along, and Host, which Guzzle sets.
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
     * The response leads away from the origin, or further away: so much may go along.
     *
     * @param array<string, mixed> $options
     * @param list<string> $may
     */
    public function note(RequestInterface $request, ResponseInterface $response, array $options, array $may): void
    {
        try {
            $target = UriResolver::resolve($request->getUri(), new Uri($response->getHeaderLine('Location')));
        } catch (MalformedUriException) {
            // Guzzle does not follow it either.
            return;
        }
        $this->left = array_slice($this->left, 1 - self::MOST, null, true);
        $this->left[1 + self::hop($options) . " {$target}"] = $may;
    }

    /**
     * Whether Guzzle may follow it.
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
