<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use GuzzleHttp\Client;
use GuzzleHttp\Psr7\Request;
use PHPUnit\Framework\TestCase;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\LoginRequired;
use Rekindle\Session;
use Rekindle\Tokens;

final class SessionTest extends TestCase
{
    /** spec 3.1 */
    public function testAnExpiredTokenIsRefreshedOnceAndTheRequestIsSentAgain(): void
    {
        $server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family']);
        $session = $this->session($server);
        $server->control('POST', '/__expire_all');
        $response = $session->client(new Client())->sendRequest(new Request('GET', "{$server->url}/data"));
        self::assertSame(200, $response->getStatusCode());
        $counters = $server->counters();
        self::assertSame([1, 0, 1], [$counters['refreshes'], $counters['reuses_detected'], $session->stats()['replays']]);
    }

    public function testABodyIsSentAgainWhole(): void
    {
        $server = new TestServer();
        $server->play([
            ['match' => ['path' => '/data', 'token' => 'AT-1', 'body_contains' => 'seven bytes'], 'respond' => ['status' => 401]],
            ['match' => ['path' => '/token'], 'respond' => ['json' => ['access_token' => 'AT-2', 'refresh_token' => 'RT-2']]],
            ['match' => ['path' => '/data', 'token' => 'AT-2', 'body_contains' => 'seven bytes'], 'respond' => ['json' => ['ok' => true]]],
        ]);
        $session = new Session(tokenUrl: "{$server->url}/token", tokens: new Tokens('AT-1', 'RT-1'), origins: [$server->url]);
        $request = new Request('POST', "{$server->url}/data", ['Content-Type' => 'text/plain'], 'seven bytes');
        $response = $session->client(new Client())->sendRequest($request);
        self::assertSame('{"ok":true}', (string) $response->getBody());
        self::assertSame([], $server->control('GET', '/__consumed')['complaints']);
    }

    public function testADeadRefreshTokenIsLoginRequired(): void
    {
        $server = new TestServer(['dialect' => 'oauth']);
        $session = new Session(
            tokenUrl: "{$server->url}/oauth/token",
            clientId: 'app',
            clientSecret: 'app-secret',
            tokens: new Tokens('SECRET-old', 'SECRET-dead'),
            origins: [$server->url],
        );
        try {
            $session->client(new Client())->sendRequest(new Request('GET', "{$server->url}/data"));
            self::fail('it went through');
        } catch (LoginRequired $error) {
            self::assertSame(['LoginRequired', 'invalid_grant', false], [$error->kind, $error->oauthError, $error->retryable]);
        }
    }

    public function testASettingThatIsWrongIsNamed(): void
    {
        try {
            new Session(tokenUrl: 'http://auth.example.com/token');
            self::fail('it was taken');
        } catch (InvalidConfig $error) {
            self::assertSame('tokenUrl', $error->argument);
            self::assertStringStartsWith('tokenUrl ', $error->getMessage());
            self::assertStringContainsString('insecureOrigins', $error->getMessage());
        }
    }

    private function session(TestServer $server): Session
    {
        $signedIn = $server->signIn();
        return new Session(
            tokenUrl: "{$server->url}/oauth/token",
            clientId: 'app',
            clientSecret: 'app-secret',
            tokens: new Tokens($signedIn['access_token'], $signedIn['refresh_token'], $signedIn['expires_in']),
            origins: [$server->url],
        );
    }
}
