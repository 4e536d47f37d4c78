<?php

declare(strict_types=1);

namespace Rekindle\Http;

use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use Rekindle\Session;

/** A PSR-18 client that adds the token, refreshes it, and sends a request again where that is safe. It follows no redirects. */
final class SignedClient implements ClientInterface
{
    public function __construct(private readonly Session $session, private readonly ClientInterface $base)
    {
    }

    public function sendRequest(RequestInterface $request): ResponseInterface
    {
        $exchange = Exchange::begin($this->session, $request);
        try {
            do {
                $response = $this->base->sendRequest($exchange->next());
            } while ($exchange->answered($response));
            return $exchange->response();
        } finally {
            $exchange->end();
        }
    }
}
