<?php

declare(strict_types=1);

namespace Rekindle\Bench;

use GuzzleHttp\Client;
use GuzzleHttp\Promise\PromiseInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;

/** A Guzzle middleware as it stands in many applications. */
final class ByHand
{
    public function __construct(private readonly string $url, private readonly string $file)
    {
    }

    public function __invoke(callable $next): callable
    {
        return function (RequestInterface $request, array $options) use ($next): PromiseInterface {
            return $next($this->signed($request), $options)->then(
                function (ResponseInterface $response) use ($next, $request, $options) {
                    if ($response->getStatusCode() !== 401) {
                        return $response;
                    }
                    $this->refresh();
                    return $next($this->signed($request), $options);
                }
            );
        };
    }

    /** @param array<string, mixed> $tokens */
    public static function keep(string $file, array $tokens): void
    {
        file_put_contents($file, json_encode($tokens, JSON_THROW_ON_ERROR));
    }

    private function signed(RequestInterface $request): RequestInterface
    {
        return $request->withHeader('Authorization', "Bearer {$this->tokens()['access_token']}");
    }

    private function refresh(): void
    {
        $form = [
            'grant_type' => 'refresh_token', 'refresh_token' => $this->tokens()['refresh_token'],
            'client_id' => 'app', 'client_secret' => 'app-secret',
        ];
        $response = (new Client(['http_errors' => false]))->post("{$this->url}/oauth/token", ['form_params' => $form]);
        if ($response->getStatusCode() === 200) {
            self::keep($this->file, json_decode((string) $response->getBody(), true));
        }
    }

    /** @return array<string, mixed> */
    private function tokens(): array
    {
        return json_decode((string) file_get_contents($this->file), true) ?? ['access_token' => '', 'refresh_token' => ''];
    }
}
