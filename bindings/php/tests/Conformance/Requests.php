<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Fiber;
use GuzzleHttp\Client;
use GuzzleHttp\Exception\ConnectException;
use GuzzleHttp\Handler\CurlMultiHandler;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Promise\PromiseInterface;
use GuzzleHttp\Psr7\NoSeekStream;
use GuzzleHttp\Psr7\Request;
use GuzzleHttp\Psr7\Response;
use GuzzleHttp\Psr7\Utils;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use Rekindle\Exception\RekindleException;
use Rekindle\Guzzle\Middleware;
use Rekindle\Judgement;
use Rekindle\Session;
use Rekindle\Symfony\SignedHttpClient;
use stdClass;
use Symfony\Component\HttpClient\CurlHttpClient;
use Symfony\Contracts\HttpClient\Exception\TransportExceptionInterface;

/** Sends the requests of cases through what PHP has for them. Whoever waits lets the other lanes go on. */
enum Requests
{
    /** The PSR-18 decorator, around Guzzle. */
    case Psr18;
    /** Guzzle with the middleware in its stack. */
    case Guzzle;
    /** The decorator of Symfony's HttpClient. */
    case Symfony;

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

    /** @return array{ResponseInterface, string, int, ?Judgement} with the URL that it came from, and how many redirects led there */
    public function send(Session $session, RequestInterface $request, bool $follows): array
    {
        if ($this === self::Psr18) {
            $response = $session->client(self::base())->sendRequest($request);
            return [$response, (string) $request->getUri(), 0, Judgement::of($response)];
        }
        if ($this === self::Symfony) {
            [$response, $judged] = self::sendWithSymfony($session, $request);
            return [$response, (string) $request->getUri(), 0, $judged];
        }
        $handler = new CurlMultiHandler(['select_timeout' => 0.001]);
        $stack = HandlerStack::create($handler);
        $stack->push(new Middleware($session));
        // Innermost it would see each hop, outermost it would follow them: what Guzzle adds to the last response is another one.
        $judged = null;
        $note = static function (ResponseInterface $response) use (&$judged): ResponseInterface {
            $judged = Judgement::of($response);
            return $response;
        };
        $noting = static fn (callable $next): callable => static fn (
            RequestInterface $request,
            array $options,
        ): PromiseInterface => $next($request, $options)->then($note);
        $stack->after('allow_redirects', $noting);
        $client = new Client(['handler' => $stack, 'http_errors' => false]);
        $sent = $client->sendAsync($request, ['allow_redirects' => $follows ? ['track_redirects' => true] : false]);
        $response = self::awaited($sent, $handler);
        $history = $response->getHeader('X-Guzzle-Redirect-History');
        $response = $response->withoutHeader('X-Guzzle-Redirect-History')->withoutHeader('X-Guzzle-Redirect-Status-History');
        return [$response, $history === [] ? (string) $request->getUri() : end($history), count($history), $judged];
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

    /** @return array{ResponseInterface, ?Judgement} */
    private static function sendWithSymfony(Session $session, RequestInterface $request): array
    {
        $headers = array_diff_key($request->getHeaders(), ['Host' => 1]);
        $body = $request->getBody();
        $read = static fn (int $size): string => $body->read($size);
        $options = ['headers' => $headers, 'body' => $body->isSeekable() ? (string) $body : $read];
        try {
            $client = new SignedHttpClient($session, new CurlHttpClient());
            $response = $client->request($request->getMethod(), (string) $request->getUri(), $options);
            $judged = Judgement::of($response);
            return [new Response($response->getStatusCode(), $response->getHeaders(false), $response->getContent(false)), $judged];
        } catch (TransportExceptionInterface $error) {
            $ours = $error instanceof RekindleException ? $error : $error->getPrevious();
            throw $ours instanceof RekindleException ? $ours : new ConnectException($error->getMessage(), $request);
        }
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
