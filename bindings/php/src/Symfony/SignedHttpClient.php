<?php

declare(strict_types=1);

namespace Rekindle\Symfony;

use Rekindle\Session;
use Symfony\Component\HttpClient\AsyncDecoratorTrait;
use Symfony\Component\HttpClient\Response\AsyncResponse;
use Symfony\Contracts\HttpClient\HttpClientInterface;
use Symfony\Contracts\HttpClient\ResponseInterface;
use Symfony\Contracts\Service\ResetInterface;

/**
 * Decorates Symfony's HttpClient: adds the token, refreshes it, and sends a request again where that is safe. It follows no redirects.
 * Set a `base_uri` with `withOptions` of this client, not of the decorated one.
 *
 *     $client = new SignedHttpClient($session, HttpClient::create());
 *     $users = $client->request('GET', 'https://api.example.com/users')->toArray();
 */
final class SignedHttpClient implements HttpClientInterface, ResetInterface
{
    use AsyncDecoratorTrait;

    /** @var array<string, mixed> */
    private array $usual = HttpClientInterface::OPTIONS_DEFAULTS;

    public function __construct(private readonly Session $session, HttpClientInterface $client)
    {
        $this->client = $client;
    }

    /** @param array<string, mixed> $options */
    public function request(string $method, string $url, #[\SensitiveParameter] array $options = []): ResponseInterface
    {
        $request = Prepared::of($method, $url, $options, $this->usual);
        $exchange = new Exchange($this->session, $request);
        return new AsyncResponse($this->client, $method, $request->url, $exchange->options(), $exchange->passthru(...));
    }

    /** @param array<string, mixed> $options */
    public function withOptions(array $options): static
    {
        $clone = clone $this;
        $clone->usual = Prepared::merged($options, $this->usual);
        return $clone;
    }
}
