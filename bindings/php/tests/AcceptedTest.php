<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use Closure;
use GuzzleHttp\Client as Guzzle;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Psr7\Request;
use PHPUnit\Framework\TestCase;
use Rekindle\Core\Driver;
use Rekindle\Core\SystemClock;
use Rekindle\Exception\SignedOut;
use Rekindle\Guzzle\Middleware;
use Rekindle\Judgement;
use Rekindle\Session;
use Rekindle\Symfony\SignedHttpClient;
use Rekindle\Tokens;
use Symfony\Component\HttpClient\CurlHttpClient;

/** Requests to an origin that accepted the token, which the core is not asked about. */
final class AcceptedTest extends TestCase
{
    private const LIFE = 3600;

    private TestServer $server;
    private CountingCore $core;
    private Session $session;

    protected function setUp(): void
    {
        $this->server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family']);
        $signedIn = $this->server->signIn();
        $this->core = new CountingCore();
        $this->session = new Session(
            tokenUrl: "{$this->server->url}/oauth/token",
            clientId: 'app',
            clientSecret: 'app-secret',
            tokens: new Tokens($signedIn['access_token'], $signedIn['refresh_token'], self::LIFE),
            origins: [$this->server->url],
            driver: new Driver($this->core, new SystemClock($this->core)),
        );
    }

    /** @return iterable<string, array{callable(Session): (Closure(string): int)}> by client: the status of a GET request */
    public static function clients(): iterable
    {
        yield 'PSR-18' => [static function (Session $session): Closure {
            $client = $session->client(new Guzzle());
            return static fn (string $url): int => $client->sendRequest(new Request('GET', $url))->getStatusCode();
        }];
        yield 'Guzzle' => [static function (Session $session): Closure {
            $stack = HandlerStack::create();
            $stack->push(new Middleware($session));
            $client = new Guzzle(['handler' => $stack]);
            return static fn (string $url): int => $client->get($url)->getStatusCode();
        }];
        yield 'Symfony' => [static function (Session $session): Closure {
            $client = new SignedHttpClient($session, new CurlHttpClient());
            return static fn (string $url): int => $client->request('GET', $url)->getStatusCode();
        }];
    }

    /**
     * @dataProvider clients
     * @param callable(Session): (Closure(string): int) $make
     */
    public function testFurtherRequestsTakeNoTurnOfTheCore(callable $make): void
    {
        $get = $make($this->session);
        $url = "{$this->server->url}/data";
        self::assertSame(200, $get($url));
        $before = $this->core->turns;
        for ($times = 0; $times < 5; $times++) {
            self::assertSame(200, $get($url));
        }
        self::assertSame($before, $this->core->turns);
    }

    /**
     * spec 3.2
     *
     * @dataProvider clients
     * @param callable(Session): (Closure(string): int) $make
     */
    public function testARejectedTokenIsRefreshedAndTheRequestIsSentAgain(callable $make): void
    {
        $get = $make($this->session);
        $url = "{$this->server->url}/data";
        self::assertSame(200, $get($url));
        for ($refreshes = 1; $refreshes < 3; $refreshes++) {
            $this->server->control('POST', '/__expire_all');
            self::assertSame([200, 200], [$get($url), $get($url)]);
            self::assertSame($refreshes, $this->server->counters()['refreshes']);
        }
    }

    /** spec 4.6 */
    public function testNothingIsSentAfterASignOutOrWithACredentialOfTheCallers(): void
    {
        $client = $this->session->client(new Guzzle(['http_errors' => false]));
        $response = $client->sendRequest(new Request('GET', "{$this->server->url}/data"));
        self::assertSame('accepted', Judgement::of($response)?->verdict);
        $again = $client->sendRequest(new Request('GET', "{$this->server->url}/data"));
        self::assertSame('accepted', Judgement::of($again)?->verdict);
        $own = $client->sendRequest(new Request('GET', "{$this->server->url}/data", ['AUTHORIZATION' => 'Bearer own']));
        self::assertSame([401, null], [$own->getStatusCode(), Judgement::of($own)?->verdict]);
        $this->session->signOut();
        $this->expectException(SignedOut::class);
        $client->sendRequest(new Request('GET', "{$this->server->url}/data"));
    }
}
