<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use GuzzleHttp\Client;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Promise\PromiseInterface;
use GuzzleHttp\Promise\Utils;
use GuzzleHttp\Psr7\Response;
use PHPUnit\Framework\TestCase;
use Rekindle\Exception\LoginRequired;
use Rekindle\Guzzle\Middleware;
use Rekindle\Session;
use Rekindle\Tokens;

final class GuzzleTest extends TestCase
{
    /** spec 3.1 */
    public function testTwentyPromisesWithAnExpiredTokenMakeOneRefresh(): void
    {
        $server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family']);
        $signedIn = $server->signIn();
        $client = self::client($server, new Tokens($signedIn['access_token'], $signedIn['refresh_token']));
        $server->control('POST', '/__expire_all');
        $post = static fn (int $at): PromiseInterface => $client->postAsync('/data', ['json' => ['number' => $at]]);
        $answers = Utils::unwrap(array_map($post, range(1, 20)));
        $statuses = array_map(static fn (Response $answer): int => $answer->getStatusCode(), $answers);
        self::assertSame(array_fill(0, 20, 200), $statuses);
        $counters = $server->counters();
        self::assertSame([1, 0, 20], [$counters['refreshes'], $counters['reuses_detected'], $counters['side_effects']]);
    }

    public function testALostSignInRejectsThePromise(): void
    {
        $server = new TestServer(['dialect' => 'oauth']);
        $client = self::client($server, new Tokens('SECRET-old', 'SECRET-dead'));
        $caught = $client->getAsync('/data')->then(null, static fn (mixed $reason): string => get_debug_type($reason))->wait();
        self::assertSame(LoginRequired::class, $caught);
    }

    /** spec 9.1 */
    public function testARedirectToAnotherOriginGetsNoToken(): void
    {
        $other = new TestServer();
        $other->play([['match' => ['path' => '/there', 'token' => ''], 'respond' => ['json' => ['ok' => true]]]]);
        $server = new TestServer();
        $server->play([[
            'match' => ['path' => '/data', 'token' => 'AT-1'],
            'respond' => ['status' => 302, 'headers' => ['Location' => "{$other->url}/there"]],
        ]]);
        $answer = self::client($server, new Tokens('AT-1', 'RT-1'))->get('/data');
        self::assertSame('{"ok":true}', (string) $answer->getBody());
        self::assertSame([], $other->control('GET', '/__consumed')['complaints']);
    }

    private static function client(TestServer $server, Tokens $tokens): Client
    {
        $session = new Session('oauth2', "{$server->url}/oauth/token", 'app', 'app-secret', $tokens, [$server->url]);
        $stack = HandlerStack::create();
        $stack->push(new Middleware($session));
        return new Client(['base_uri' => $server->url, 'handler' => $stack]);
    }
}
