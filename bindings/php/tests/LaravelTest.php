<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use Illuminate\Http\Client\Factory;
use Illuminate\Http\Client\PendingRequest;
use PHPUnit\Framework\TestCase;
use Rekindle\Guzzle\Middleware;
use Rekindle\Session;
use Rekindle\Tokens;

/** Laravel's `Http` sends with Guzzle: the middleware is all it needs. */
final class LaravelTest extends TestCase
{
    /** spec 3.1 */
    public function testAMacroOfHttpKeepsTheSessionAlive(): void
    {
        $server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family']);
        $signedIn = $server->signIn();
        $server->control('POST', '/__expire_all');
        $tokens = new Tokens($signedIn['access_token'], $signedIn['refresh_token'], 900);
        $session = new Session('oauth2', "{$server->url}/oauth/token", 'app', 'app-secret', $tokens, [$server->url]);
        $http = new Factory();
        Factory::macro('api', fn (): PendingRequest => $http->withMiddleware(new Middleware($session))->baseUrl($server->url));
        $answers = [$http->api()->get('/data'), $http->api()->post('/data', ['a' => 1])];
        Factory::flushMacros();
        self::assertSame([200, 200], array_map(static fn ($one): int => $one->status(), $answers));
        self::assertSame(1, $server->counters()['refreshes']);
    }
}
