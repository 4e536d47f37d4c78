<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;

/** The four programs, as a user starts them. */
final class ExamplesTest extends TestCase
{
    public function testARestApiThatSaysTokenExpired(): void
    {
        [$server, $said] = self::played('rest_json', ['dialect' => 'json', 'rotation' => 'strict_family']);
        self::assertStringContainsString('"ok":true', $said);
        self::assertSame(1, $server->counters()['refreshes']);
    }

    public function testAnyClientThatStaysSignedIn(): void
    {
        [$server, $said] = self::played('authenticated_fetch', ['dialect' => 'api_token', 'rotation' => 'strict_family']);
        self::assertStringStartsWith('200 ', $said);
        self::assertSame(1, $server->counters()['refreshes']);
    }

    public function testASignInThatIsLostIsSaid(): void
    {
        [, $said] = self::played('authenticated_fetch', ['dialect' => 'api_token'], '/__revoke_all');
        self::assertStringStartsWith('Please sign in: http', $said);
    }

    public function testGraphql(): void
    {
        [$server, $said] = self::played('graphql', ['dialect' => 'graphql', 'rotation' => 'strict_family']);
        self::assertStringStartsWith('{', $said);
        self::assertSame(1, $server->counters()['refreshes']);
    }

    public function testOauth(): void
    {
        [$server, $said] = self::played('oauth', ['dialect' => 'oauth', 'rotation' => 'strict_family']);
        self::assertStringContainsString("1 refreshes, 0 sign-ins lost\n", $said);
        self::assertSame(1, $server->counters()['refreshes']);
        [, $said] = self::played('oauth', ['dialect' => 'oauth'], '/__revoke_all');
        self::assertStringContainsString("0 refreshes, 1 sign-ins lost\n", $said);
    }

    /**
     * @param array<string, mixed> $model
     * @return array{TestServer, string}
     */
    private static function played(string $name, array $model, string $before = '/__expire_all'): array
    {
        $server = new TestServer($model);
        $signedIn = $server->signIn();
        $server->control('POST', $before);
        $environment = [
            'API_URL' => $server->url,
            'TOKEN_URL' => "{$server->url}/oauth/token",
            'CLIENT_ID' => 'app',
            'CLIENT_SECRET' => 'app-secret',
            'ACCESS_TOKEN' => $signedIn['access_token'],
            'REFRESH_TOKEN' => $signedIn['refresh_token'],
            'AUTOLOAD' => __DIR__ . '/bootstrap.php',
        ];
        $program = dirname(__DIR__, 3) . "/examples/php/{$name}.php";
        $child = proc_open([PHP_BINARY, $program], [1 => ['pipe', 'w']], $pipes, null, $environment + getenv());
        self::assertIsResource($child);
        $said = (string) stream_get_contents($pipes[1]);
        self::assertSame(0, proc_close($child), $said);
        return [$server, $said];
    }
}
