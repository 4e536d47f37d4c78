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
 * For a handler stack of Guzzle: `$stack->push(new Middleware($session))`. Each redirect that Guzzle follows comes here as a request of
 * its own; one that has left its origin is not signed any more. Promises stay promises; a refresh is waited for.
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
            $hasLeft = $this->redirects->hasLeft($request, $options);
            $note = function (ResponseInterface $response) use ($request, $options, $hasLeft): ResponseInterface {
                $this->redirects->note($request, $response, $options, $hasLeft);
                return $response;
            };
            if ($hasLeft) {
                return $handler(Redirects::stripped($request), $options)->then($note);
            }
            try {
                $exchange = Exchange::begin($this->session, $request);
            } catch (Throwable $error) {
                return Create::rejectionFor($error);
            }
            return self::attempt($exchange, $handler, $options)->then($note);
        };
    }

    /** @param array<string, mixed> $options */
    private static function attempt(Exchange $exchange, callable $handler, array $options): PromiseInterface
    {
        return $handler($exchange->next(), $options)->then(
            static function (ResponseInterface $response) use ($exchange, $handler, $options): PromiseInterface|ResponseInterface {
                try {
                    $again = $exchange->answered($response);
                } catch (Throwable $error) {
                    $exchange->end();
                    throw $error;
                }
                if ($again) {
                    return self::attempt($exchange, $handler, $options);
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
}
