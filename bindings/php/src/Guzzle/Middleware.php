<?php

declare(strict_types=1);

namespace Rekindle\Guzzle;

use GuzzleHttp\Promise\Create;
use GuzzleHttp\Promise\PromiseInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use Rekindle\Http\Exchange;
use Rekindle\Session;
use Throwable;

/**
 * A middleware for Guzzle: adds the token, refreshes it, and sends a request again where that is safe. Once a redirect has left the
 * origin, the token is no longer sent. Promises remain asynchronous, except that they wait for a refresh.
 *
 *     $stack = GuzzleHttp\HandlerStack::create();
 *     $stack->push(new Rekindle\Guzzle\Middleware($session));
 *     $client = new GuzzleHttp\Client(['handler' => $stack]);
 */
final class Middleware
{
    private readonly Redirects $redirects;

    public function __construct(private readonly Session $session)
    {
        $this->redirects = new Redirects();
    }

    /**
     * @param callable(RequestInterface, array<string, mixed>): PromiseInterface $handler
     * @return callable(RequestInterface, array<string, mixed>): PromiseInterface
     */
    public function __invoke(callable $handler): callable
    {
        return function (RequestInterface $request, array $options) use ($handler): PromiseInterface {
            $may = $this->redirects->left($request, $options);
            if ($may !== null) {
                $sent = $handler(Redirects::stripped($request, $may), $options);
                return $sent->then(function (ResponseInterface $response) use ($request, $options, $may): ResponseInterface {
                    if (Redirects::leads($response, $options)) {
                        $this->redirects->note($request, $response, $options, $may);
                    }
                    return $response;
                });
            }
            $seconds = (float) ($options['timeout'] ?? 0);
            try {
                $exchange = Exchange::begin($this->session, $request, $seconds > 0 ? $seconds : null);
            } catch (Throwable $error) {
                return Create::rejectionFor($error);
            }
            return $this->attempt($exchange, $request, $handler, $options);
        };
    }

    /** @param array<string, mixed> $options */
    private function attempt(Exchange $exchange, RequestInterface $request, callable $handler, array $options): PromiseInterface
    {
        return $handler($exchange->next(), $options)->then(
            function (ResponseInterface $response) use ($exchange, $request, $handler, $options): PromiseInterface|ResponseInterface {
                try {
                    $again = $exchange->answered($response);
                    if (!$again && Redirects::leads($response, $options)) {
                        if (!$exchange->isAccepted()) {
                            $exchange->stay();
                        }
                        $this->lead($exchange, $request, $response, $options);
                    }
                } catch (Throwable $error) {
                    $exchange->end();
                    throw $error;
                }
                if ($again) {
                    return $this->attempt($exchange, $request, $handler, $options);
                }
                $exchange->end();
                return $exchange->response();
            },
            static function (mixed $reason) use ($exchange): PromiseInterface {
                $exchange->end();
                return Create::rejectionFor($reason);
            },
        );
    }

    /**
     * Asks the core what may be sent with the next hop. If that gets the token, it passes through this middleware as another request.
     *
     * @param array<string, mixed> $options
     */
    private function lead(Exchange $exchange, RequestInterface $request, ResponseInterface $response, array $options): void
    {
        $hop = $exchange->redirected($response);
        if ($hop !== null && $hop['headers'] === []) {
            $this->redirects->note($request, $response, $options, array_column($hop['own'], 0));
        }
    }
}
