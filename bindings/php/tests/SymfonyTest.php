<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\Exception\LoginRequired;
use Rekindle\Session;
use Rekindle\Symfony\SignedHttpClient;
use Rekindle\Tokens;
use Symfony\Component\HttpClient\CurlHttpClient;
use Symfony\Component\HttpClient\Exception\TransportException;

final class SymfonyTest extends TestCase
{
    private const NEW = ['match' => ['path' => '/token'], 'respond' => ['json' => ['access_token' => 'AT-2', 'refresh_token' => 'RT-2']]];

    /** spec 3.1 */
    public function testResponsesThatAreUnderWayTogetherShareOneRefresh(): void
    {
        $server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family']);
        $signedIn = $server->signIn();
        $client = self::client($server, new Tokens($signedIn['access_token'], $signedIn['refresh_token'], 900));
        $server->control('POST', '/__expire_all');
        $responses = array_map(static fn () => $client->request('GET', '/data'), range(1, 5));
        $ended = 0;
        foreach ($client->stream($responses) as $chunk) {
            $ended += $chunk->isLast() ? 1 : 0;
        }
        $statuses = array_map(static fn ($one): int => $one->getStatusCode(), $responses);
        self::assertSame([5, array_fill(0, 5, 200), 1], [$ended, $statuses, $server->counters()['refreshes']]);
    }

    public function testABodyIsSentAgainWholeWithTheOptionsOfTheRequest(): void
    {
        $match = ['method' => 'POST', 'path' => '/data', 'body_contains' => '{"seven":"bytes"}'];
        $server = self::scripted([
            ['match' => $match + ['token' => 'AT-1'], 'respond' => ['status' => 401, 'json' => ['error' => 'expired']]],
            self::NEW,
            ['match' => $match + ['token' => 'AT-2'], 'respond' => ['status' => 201, 'json' => ['ok' => true]]],
        ]);
        $response = self::client($server)->request('POST', '/data', ['json' => ['seven' => 'bytes'], 'query' => ['a' => 'b c']]);
        self::assertSame([201, ['ok' => true]], [$response->getStatusCode(), $response->toArray()]);
        self::assertSame('/data?a=b%20c', $server->control('GET', '/__log')[2]['target']);
        self::assertSame([], $server->control('GET', '/__consumed')['complaints']);
    }

    public function testAnErrorThatNoRefreshHelpsComesWithItsBody(): void
    {
        $server = self::scripted([['match' => ['path' => '/data'], 'respond' => ['status' => 403, 'json' => ['why' => 'no']]]]);
        $response = self::client($server)->request('GET', '/data');
        self::assertSame([403, '{"why":"no"}'], [$response->getStatusCode(), $response->getContent(false)]);
    }

    public function testALostSignInIsThrown(): void
    {
        $server = new TestServer(['dialect' => 'oauth']);
        $client = self::client($server, new Tokens('SECRET-old', 'SECRET-dead'));
        $response = $client->request('GET', '/data');
        try {
            $response->getContent();
            self::fail('it went through');
        } catch (TransportException $error) {
            // Symfony wraps whatever comes while it waits for a response.
            self::assertInstanceOf(LoginRequired::class, $error->getPrevious());
        }
        $this->expectException(LoginRequired::class);
        $client->request('GET', '/data');
    }

    /** spec 9.1 */
    public function testARedirectIsTheCallersAndAnotherOriginGetsNoToken(): void
    {
        $other = self::scripted([['match' => ['path' => '/there', 'token' => ''], 'respond' => ['json' => ['ok' => true]]]]);
        $server = self::scripted([[
            'match' => ['path' => '/data', 'token' => 'AT-1'],
            'respond' => ['status' => 302, 'headers' => ['Location' => "{$other->url}/there"]],
        ]]);
        $client = self::client($server);
        $response = $client->request('GET', '/data');
        self::assertSame(302, $response->getStatusCode());
        self::assertSame(['ok' => true], $client->request('GET', $response->getHeaders(false)['location'][0])->toArray());
        self::assertSame([], $other->control('GET', '/__consumed')['complaints']);
    }

    public function testAConnectionThatFailsIsSymfonysException(): void
    {
        $server = self::scripted([['match' => ['path' => '/data'], 'fault' => 'close_before_response', 'respond' => ['status' => 200]]]);
        $this->expectException(TransportException::class);
        self::client($server)->request('GET', '/data')->getStatusCode();
    }

    /** @param list<array<string, mixed>> $steps */
    private static function scripted(array $steps): TestServer
    {
        $server = new TestServer();
        $server->play($steps);
        return $server;
    }

    private static function client(TestServer $server, ?Tokens $tokens = null): SignedHttpClient
    {
        $url = $tokens === null ? "{$server->url}/token" : "{$server->url}/oauth/token";
        $session = new Session('oauth2', $url, 'app', 'app-secret', $tokens ?? new Tokens('AT-1', 'RT-1'), [$server->url]);
        $client = new SignedHttpClient($session, new CurlHttpClient());
        return $client->withOptions(['base_uri' => $server->url]);
    }
}
