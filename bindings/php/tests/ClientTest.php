<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\Client;
use Rekindle\Exception\GraphQL;
use Rekindle\Exception\HttpStatus;
use Rekindle\Session;
use Rekindle\Tokens;

final class ClientTest extends TestCase
{
    public function testWhatFailsInPassingIsSentAgain(): void
    {
        [$server, $client] = self::client([
            ['match' => ['path' => '/data'], 'fault' => 'close_before_response', 'respond' => ['status' => 200]],
            ['match' => ['path' => '/data'], 'respond' => ['json' => ['ok' => true]]],
        ]);
        self::assertSame(['ok' => true], $client->get('/data'));
        self::assertSame([], $server->control('GET', '/__consumed')['complaints']);
    }

    public function testAnErrorStatusComesWithItsResponse(): void
    {
        [$server, $client] = self::client([['match' => ['path' => '/data'], 'respond' => ['status' => 404, 'json' => ['why' => 'gone']]]]);
        try {
            $client->post('/data', ['a' => 1]);
            self::fail('it went through');
        } catch (HttpStatus $error) {
            self::assertSame([404, '{"why":"gone"}'], [$error->status, $error->response?->body()]);
        }
    }

    public function testErrorsOfGraphqlAreThrown(): void
    {
        $answer = ['data' => null, 'errors' => [['message' => 'no such field', 'path' => ['a'], 'extensions' => ['code' => 'BAD']]]];
        [$server, $client] = self::client([['match' => ['path' => '/graphql'], 'respond' => ['json' => $answer]]]);
        try {
            $client->graphql('{ a }');
            self::fail('it went through');
        } catch (GraphQL $error) {
            self::assertSame(['no such field', 'BAD'], [$error->graphqlErrors[0]['message'], $error->graphqlErrors[0]['code'] ?? '']);
        }
    }

    /**
     * @param list<array<string, mixed>> $steps
     * @return array{TestServer, Client}
     */
    private static function client(array $steps): array
    {
        $server = new TestServer();
        $server->play($steps);
        $session = new Session(tokenUrl: "{$server->url}/token", tokens: new Tokens('AT-1', 'RT-1'));
        return [$server, new Client($session, $server->url)];
    }
}
