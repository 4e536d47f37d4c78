<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Fiber;
use GuzzleHttp\Client;
use GuzzleHttp\Handler\CurlMultiHandler;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Promise\PromiseInterface;
use GuzzleHttp\Psr7\NoSeekStream;
use GuzzleHttp\Psr7\Request;
use GuzzleHttp\Psr7\Utils;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use Rekindle\Guzzle\Middleware;
use Rekindle\Session;
use stdClass;

/** Sends the requests of cases through what PHP has for them. Whoever waits lets the other lanes go on. */
enum Requests
{
    /** The PSR-18 decorator, around Guzzle. */
    case Psr18;
    /** Guzzle with the middleware in its stack. */
    case Guzzle;

    public static function of(stdClass $spec, string $base): RequestInterface
    {
        $headers = array_change_key_case((array) ($spec->headers ?? []));
        $kind = match (true) {
            isset($spec->json) => ['content-type' => 'application/json'],
            isset($spec->form) => ['content-type' => 'application/x-www-form-urlencoded'],
            default => [],
        };
        $body = match (true) {
            isset($spec->json) => Pattern::json($spec->json),
            isset($spec->form) => http_build_query((array) $spec->form),
            isset($spec->stream) => new NoSeekStream(Utils::streamFor($spec->stream)),
            default => $spec->text ?? null,
        };
        $url = str_contains($spec->url, '://') ? $spec->url : $base . $spec->url;
        return new Request($spec->method ?? 'GET', $url, $headers + $kind, $body);
    }

    /** @return array{ResponseInterface, string, int} with the URL that it came from, and how many redirects led there */
    public function send(Session $session, RequestInterface $request, bool $follows): array
    {
        if ($this === self::Psr18) {
            return [$session->client(self::base())->sendRequest($request), (string) $request->getUri(), 0];
        }
        $handler = new CurlMultiHandler(['select_timeout' => 0.001]);
        $stack = HandlerStack::create($handler);
        $stack->push(new Middleware($session));
        $client = new Client(['handler' => $stack, 'http_errors' => false]);
        $sent = $client->sendAsync($request, ['allow_redirects' => $follows ? ['track_redirects' => true] : false]);
        $response = self::awaited($sent, $handler);
        $history = $response->getHeader('X-Guzzle-Redirect-History');
        $response = $response->withoutHeader('X-Guzzle-Redirect-History')->withoutHeader('X-Guzzle-Redirect-Status-History');
        return [$response, $history === [] ? (string) $request->getUri() : end($history), count($history)];
    }

    private static function base(): ClientInterface
    {
        return new class implements ClientInterface {
            public function sendRequest(RequestInterface $request): ResponseInterface
            {
                $handler = new CurlMultiHandler(['select_timeout' => 0.001]);
                $client = new Client(['handler' => HandlerStack::create($handler), 'http_errors' => false, 'allow_redirects' => false]);
                return Requests::awaited($client->sendAsync($request), $handler);
            }
        };
    }

    public static function awaited(PromiseInterface $promise, CurlMultiHandler $handler): ResponseInterface
    {
        while ($promise->getState() === PromiseInterface::PENDING) {
            $handler->tick();
            if ($promise->getState() === PromiseInterface::PENDING) {
                Fiber::suspend();
            }
        }
        return $promise->wait();
    }
}
